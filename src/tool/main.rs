//! `sctp-peeloff`: peels off SCTP associations on this machine.

mod advice;
mod check;
mod demo;
mod loopback;
mod serve;
mod trial;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::Arg::{Long, Short};
use lexopt::{Arg, Parser};
use loopback::{Family, Result};

// The man page, sctp-peeloff.1, lists the same commands and options. Shell completions do
// not exist, because lexopt does not generate them.
const HELP: &str = "\
Peels off SCTP associations from one-to-many sockets on this machine.

Usage: sctp-peeloff [COMMAND] [OPTION]...

Commands:
  demo     run a server and three clients, and peel off one client (default)
  check    report whether peel-offs work on this machine
  serve    run an echo server that peels off busy peers into threads

Options:
  -h, --help       print this help, or the help of the command
  -V, --version    print the version

Exit status: 0 success, 1 failure, 2 incorrect usage.
";

const VERSION: &str = concat!("sctp-peeloff ", env!("CARGO_PKG_VERSION"), "\n");

/// The parsed command line.
pub(crate) enum Command {
    Demo(Family),
    Check { json: bool },
    Serve(serve::Options),
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
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sctp-peeloff: {error}");
            if let Some(advice) = advice::for_error(&*error) {
                eprintln!("advice: {advice}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Returns `false` if `check` has found that peel-offs do not work.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Demo(family) => demo::run(family).map(|()| true),
        Command::Check { json } => check::run(json),
        Command::Serve(options) => serve::run(&options).map(|()| true),
        Command::Print(text) => {
            io::stdout().write_all(text.as_bytes())?;
            Ok(true)
        }
    }
}

/// The first argument is the command. Without a command, the options are those of `demo`.
fn parse() -> Result<Command, lexopt::Error> {
    let mut args = env::args_os().skip(1).peekable();
    let name = args.next_if(|arg| ["demo", "check", "serve"].iter().any(|name| arg == name));
    let parser = Parser::from_args(args);
    match name.as_ref().and_then(|name| name.to_str()) {
        Some("check") => check::parse(parser),
        Some("serve") => serve::parse(parser),
        Some(_) => demo::parse(parser, demo::HELP),
        None => demo::parse(parser, HELP),
    }
}

/// Parses the options that every command has.
pub(crate) fn common(arg: Arg<'_>, help: &'static str) -> Result<Command, lexopt::Error> {
    match arg {
        Short('h') | Long("help") => Ok(Command::Print(help)),
        Short('V') | Long("version") => Ok(Command::Print(VERSION)),
        other => Err(other.unexpected()),
    }
}
