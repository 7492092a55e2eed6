//! Whether peeling off works on this machine, and how.

use std::ffi::CStr;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use lexopt::Arg::Long;
use lexopt::Parser;
use miniserde::{Serialize, json};
use rustix::io::Errno;
use rustix::net;
use rustix::system::uname;
use sctp_peeloff::supports_flags;

use crate::loopback::{self, Family, Result};
use crate::{Command, advice, common, trial};

pub(crate) const HELP: &str = "\
Tells whether peeling off works on this machine, and how: the kernel, its SCTP,
the option that it has, and a real peel-off on loopback over IPv4 and over IPv6.

Usage: sctp-peeloff check [--json]

Options:
  --json           one line of JSON, for scripts
  -h, --help       this text
  -V, --version    the version

Status: 0 it works (a kernel without IPv6 is told, and is no failure), 1 it does
not, 2 wrong usage.
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
    let report = Report::gather();
    let text = if json {
        json::to_string(&report) + "\n"
    } else {
        report.to_string()
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(report.works)
}

/// Scripts read this: what is added is no harm, what is renamed is.
#[derive(Serialize)]
struct Report {
    version: &'static str,
    works: bool,
    kernel: Kernel,
    sctp: bool,
    option: Option<&'static str>,
    flags: Option<&'static str>,
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
    fn gather() -> Self {
        let kernel = Kernel::this();
        let sockets = [Family::V4, Family::V6].map(loopback::one_to_many);
        let option = sockets
            .iter()
            .flatten()
            .find_map(|socket| supports_flags(socket).ok());
        let advice = match &sockets {
            [Err(errno), Err(_)] => Some(advice::sctp(Path::new("/"), &kernel.release, *errno)),
            _ => None,
        };
        let [ipv4, ipv6] = [Family::V4, Family::V6].map(Finding::of);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            works: ipv4.state == State::Works && ipv6.state != State::Fails,
            kernel,
            sctp: sockets.iter().any(Result::is_ok),
            option: option.map(trial::option_name),
            flags: option.map(trial::flags_are),
            ipv4,
            ipv6,
            advice,
        }
    }
}

impl Kernel {
    fn this() -> Self {
        let system = uname();
        let text = |part: &CStr| part.to_string_lossy().into_owned();
        Self {
            name: text(system.sysname()),
            release: text(system.release()),
            machine: text(system.machine()),
        }
    }
}

impl Finding {
    fn of(family: Family) -> Self {
        let (_, address) = family.address();
        let (state, detail) = match loopback::one_to_many(family) {
            Err(errno @ (Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT)) => (
                State::Missing,
                format!("no SCTP socket of this family: {errno}"),
            ),
            Err(errno) => (State::Fails, format!("socket: {errno}")),
            Ok(socket) => match net::bind(&socket, &address) {
                Err(Errno::ADDRNOTAVAIL) => {
                    let ip = address.ip();
                    let detail = format!(
                        "{ip} is not there: is the interface lo up, and is the family switched off by sysctl?"
                    );
                    (State::Missing, detail)
                }
                _ => match trial::run(family) {
                    Ok(detail) => (State::Works, detail),
                    Err(error) => (State::Fails, error.to_string()),
                },
            },
        };
        Self { state, detail }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kernel {
            name,
            release,
            machine,
        } = &self.kernel;
        writeln!(f, "kernel    {name} {release} on {machine}")?;
        writeln!(
            f,
            "sctp      {}",
            if self.sctp { "there" } else { "missing" }
        )?;
        if let (Some(option), Some(flags)) = (self.option, self.flags) {
            writeln!(f, "option    {option}: the flags are {flags}")?;
        }
        writeln!(f, "IPv4      {}", self.ipv4)?;
        writeln!(f, "IPv6      {}", self.ipv6)?;
        if let Some(advice) = &self.advice {
            writeln!(f, "advice    {advice}")?;
        }
        let works = if self.works { "works" } else { "does not work" };
        writeln!(f, "result    peeling off {works} here")
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
