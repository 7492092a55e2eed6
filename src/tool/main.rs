//! `sctp-peeloff`: peels associations off on this machine.

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

const HELP: &str = "\
Peels SCTP associations off one-to-many sockets, and tells what happened.

Usage: sctp-peeloff [COMMAND] [OPTION]...

Commands:
  demo     a server, three clients, and the busy one peeled off (the default)
  check    whether peeling off works on this machine, and how
  serve    an echo server that peels busy peers off into threads of their own

Options:
  -h, --help       this text; after a command, what the command takes
  -V, --version    the version

Status: 0 it works, 1 it does not, 2 wrong usage.
";

const VERSION: &str = concat!("sctp-peeloff ", env!("CARGO_PKG_VERSION"), "\n");

/// A command once its arguments are understood, or a text that was asked for
/// instead.
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
            ExitCode::FAILURE
        }
    }
}

/// Whether it works; an error says why not.
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

/// The first word is the command; without one it is the demo.
fn parse() -> Result<Command, lexopt::Error> {
    let mut args = env::args_os().skip(1).peekable();
    let word = args.next_if(|arg| ["demo", "check", "serve"].iter().any(|name| arg == name));
    let parser = Parser::from_args(args);
    match word.as_ref().and_then(|word| word.to_str()) {
        Some("check") => check::parse(parser),
        Some("serve") => serve::parse(parser),
        Some(_) => demo::parse(parser, demo::HELP),
        None => demo::parse(parser, HELP),
    }
}

/// What every command takes.
pub(crate) fn common(arg: Arg<'_>, help: &'static str) -> Result<Command, lexopt::Error> {
    match arg {
        Short('h') | Long("help") => Ok(Command::Print(help)),
        Short('V') | Long("version") => Ok(Command::Print(VERSION)),
        other => Err(other.unexpected()),
    }
}
