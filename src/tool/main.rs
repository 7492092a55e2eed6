//! `sctp-peeloff`: tries a peel-off on this machine.

mod demo;
mod loopback;

use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use loopback::Family;

const HELP: &str = "\
Peels an SCTP association off a one-to-many socket, and tells what happened.

Usage: sctp-peeloff [demo] [--ipv6]

Commands:
  demo    a server, three clients, and the busy one peeled off (the default)

Options:
  --ipv6           over ::1 instead of 127.0.0.1
  -h, --help       this text
  -V, --version    the version

Status: 0 all was seen to be so, 1 something was not, 2 wrong usage.
";

enum Command {
    Demo(Family),
    Print(&'static str),
}

fn main() -> ExitCode {
    let command = match parse() {
        Ok(command) => command,
        Err(error) => {
            eprintln!("sctp-peeloff: {error}; see sctp-peeloff --help");
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Demo(family) => demo::run(family),
        Command::Print(text) => {
            print!("{text}");
            Ok(())
        }
    };
    if let Err(error) = result {
        eprintln!("sctp-peeloff: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parse() -> Result<Command, lexopt::Error> {
    let mut family = Family::V4;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("ipv6") => family = Family::V6,
            Short('h') | Long("help") => return Ok(Command::Print(HELP)),
            Short('V') | Long("version") => {
                return Ok(Command::Print(concat!(
                    "sctp-peeloff ",
                    env!("CARGO_PKG_VERSION"),
                    "\n"
                )));
            }
            Value(word) if word == "demo" => {}
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Demo(family))
}
