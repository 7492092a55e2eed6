//! `check`: reports whether peel-offs work on this machine.

use std::error::Error;
use std::ffi::CStr;
use std::fmt;
use std::io::{self, Write};

use lexopt::Arg::Long;
use lexopt::Parser;
use miniserde::{Serialize, json};
use rustix::io::Errno;
use rustix::net;
use rustix::system::uname;
use sctp_peeloff::supports_flags;

use crate::loopback::{self, Family, NoSocket, Result};
use crate::{Command, advice, common, trial};

pub(crate) const HELP: &str = "\
Reports whether peel-offs work on this machine: the kernel, SCTP, the peel-off
option, and a peel-off on the loopback interface over IPv4 and over IPv6.

Usage: sctp-peeloff check [--json]

Options:
  --json           print one line of JSON
  -h, --help       print this help
  -V, --version    print the version

Exit status: 0 peel-offs work, 1 peel-offs do not work, 2 incorrect usage.
A kernel without IPv6 is reported, but is not a failure.
";

pub(crate) fn parse(mut parser: Parser) -> Result<Command, lexopt::Error> {
    let mut json = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => json = true,
            other => return common(other, HELP),
        }
    }
    Ok(Command::Check { json })
}

pub(crate) fn run(json: bool) -> Result<bool> {
    let report = Report::new();
    let text = if json {
        json::to_string(&report) + "\n"
    } else {
        report.to_string()
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(report.works)
}

/// The JSON output. Scripts read it, so keys may be added but not renamed.
#[derive(Serialize)]
struct Report {
    version: &'static str,
    works: bool,
    kernel: Kernel,
    /// Whether an SCTP socket can be created.
    sctp: bool,
    option: Option<&'static str>,
    atomic_flags: Option<bool>,
    ipv4: Finding,
    ipv6: Finding,
    advice: Option<String>,
}

#[derive(Serialize)]
struct Kernel {
    name: String,
    release: String,
    machine: String,
}

#[derive(Serialize)]
struct Finding {
    state: State,
    detail: String,
}

#[derive(Serialize, Clone, Copy, PartialEq)]
enum State {
    #[serde(rename = "works")]
    Works,
    #[serde(rename = "missing")]
    Missing,
    #[serde(rename = "fails")]
    Fails,
}

impl Report {
    fn new() -> Self {
        let sockets = [Family::V4, Family::V6].map(|family| {
            let (domain, _) = family.address();
            loopback::one_to_many(domain)
        });
        let supports_flags = sockets
            .iter()
            .flatten()
            .find_map(|socket| supports_flags(socket).ok());
        let [(ipv4, error4), (ipv6, error6)] = [Family::V4, Family::V6].map(Finding::of);
        let works = ipv4.state == State::Works && ipv6.state != State::Fails;
        let advice = [error4, error6]
            .iter()
            .flatten()
            .filter(|_| !works)
            .find_map(|error| advice::for_error(&**error));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            works,
            kernel: Kernel::current(),
            sctp: sockets.iter().any(Result::is_ok),
            option: supports_flags.map(trial::option_name),
            atomic_flags: supports_flags,
            ipv4,
            ipv6,
            advice,
        }
    }
}

impl Kernel {
    fn current() -> Self {
        let system = uname();
        let text = |part: &CStr| part.to_string_lossy().into_owned();
        Self {
            name: text(system.sysname()),
            release: text(system.release()),
            machine: text(system.machine()),
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            release,
            machine,
        } = self;
        write!(f, "{name} {release} on {machine}")
    }
}

impl Finding {
    /// The finding for one address family, and the error that it is based on.
    fn of(family: Family) -> (Self, Option<Box<dyn Error>>) {
        let (state, error) = match Self::attempt(family) {
            Ok(detail) => {
                let state = State::Works;
                return (Self { state, detail }, None);
            }
            Err(state_and_error) => state_and_error,
        };
        let detail = error.to_string();
        (Self { state, detail }, Some(error))
    }

    fn attempt(family: Family) -> Result<String, (State, Box<dyn Error>)> {
        let (domain, address) = family.address();
        let socket = loopback::one_to_many(domain).map_err(|error| {
            let state = match error {
                NoSocket(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT) => {
                    State::Missing
                }
                NoSocket(_) => State::Fails,
            };
            (state, error.into())
        })?;
        if let Err(Errno::ADDRNOTAVAIL) = net::bind(&socket, &address) {
            let ip = address.ip();
            let error = format!(
                "{ip} is not assigned: the interface lo is down, or a sysctl disables the \
                 address family"
            );
            return Err((State::Missing, error.into()));
        }
        trial::run(family).map_err(|error| (State::Fails, error))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sctp = if self.sctp { "available" } else { "missing" };
        let option = self
            .atomic_flags
            .map_or_else(|| "not available".into(), trial::option_text);
        writeln!(f, "kernel    {}", self.kernel)?;
        writeln!(f, "sctp      {sctp}")?;
        writeln!(f, "option    {option}")?;
        writeln!(f, "IPv4      {}", self.ipv4)?;
        writeln!(f, "IPv6      {}", self.ipv6)?;
        if let Some(advice) = &self.advice {
            writeln!(f, "advice    {advice}")?;
        }
        let works = if self.works { "work" } else { "do not work" };
        writeln!(f, "result    peel-offs {works} on this machine")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Works => "works",
            State::Missing => "missing",
            State::Fails => "fails",
        };
        write!(f, "{state}: {}", self.detail)
    }
}
