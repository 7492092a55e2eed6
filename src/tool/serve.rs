//! An echo server that keeps sporadic peers on one socket and gives busy ones a
//! descriptor and a thread of their own.

mod ending;
mod ledger;
mod mailbox;
mod peeled;
mod shared;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

use lexopt::Arg::{Long, Value};
use lexopt::{Parser, ValueExt};
use rustix::net::{self, AddressFamily, SocketType, ipproto::SCTP};
use sctp_peeloff::supports_flags;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::loopback::{Result, during, no_sctp};
use crate::{Command, common, trial};
use ledger::{Carried, Ledger};
use shared::Shared;

pub(crate) const HELP: &str = "\
A one-to-many echo server. Sporadic peers share its socket; an association that
has carried enough is peeled off into a thread of its own. Each message goes
back as it came, on its stream and with its PPID. One line tells each event, and
on a terminal a last line the totals. SIGINT and SIGTERM end all associations
gracefully.

Usage: sctp-peeloff serve ADDRESS[:PORT] [OPTION]...

ADDRESS is an IPv4 or IPv6 address, with a port as in 127.0.0.1:7 and [::1]:7.
The port is 9899 if there is none; 0 takes a free one.

Options:
  --after N        peel off after N messages (10, if there is no --after-bytes)
  --after-bytes N  peel off after N bytes; with --after, what comes first
  -h, --help       this text
  -V, --version    the version

Status: 0 ended by a signal, 1 it could not serve, 2 wrong usage.
";

const PORT: u16 = 9899;
const AFTER: u64 = 10;

pub(crate) struct Options {
    address: SocketAddr,
    after: After,
}

/// When an association is peeled off.
#[derive(Clone, Copy)]
struct After {
    messages: Option<u64>,
    bytes: Option<u64>,
}

impl After {
    fn reached(self, carried: Carried) -> bool {
        self.messages.is_some_and(|after| carried.messages >= after)
            || self.bytes.is_some_and(|after| carried.bytes >= after)
    }
}

pub(crate) fn parse(mut parser: Parser) -> Result<Command, lexopt::Error> {
    let (mut address, mut after) = (
        None,
        After {
            messages: None,
            bytes: None,
        },
    );
    while let Some(arg) = parser.next()? {
        match arg {
            Long("after") => after.messages = Some(positive(&mut parser)?),
            Long("after-bytes") => after.bytes = Some(positive(&mut parser)?),
            Value(value) if address.is_none() => address = Some(value.parse_with(socket_address)?),
            other => return common(other, HELP),
        }
    }
    if after.messages.is_none() && after.bytes.is_none() {
        after.messages = Some(AFTER);
    }
    let address = address.ok_or("serve needs an ADDRESS, such as 127.0.0.1")?;
    Ok(Command::Serve(Options { address, after }))
}

fn positive(parser: &mut Parser) -> Result<u64, lexopt::Error> {
    let number = parser.value()?.parse_with(|text| match text.parse() {
        Ok(0) => Err("it has to be 1 or more"),
        Ok(number) => Ok(number),
        Err(_) => Err("it is not a number"),
    })?;
    Ok(number)
}

fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    let brackets = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let ip = match brackets {
        Some(inner) => inner.parse().map(IpAddr::V6),
        None => text.parse(),
    };
    text.parse()
        .or_else(|_| ip.map(|ip| (ip, PORT).into()))
        .map_err(|_| "it is no IP address, with or without a port")
}

/// Until a signal comes.
pub(crate) fn run(options: &Options) -> Result<()> {
    let stop = stop_on_signals()?;
    let socket = listen(options.address)?;
    let address = SocketAddr::try_from(net::getsockname(&socket)?)?;
    let support = supports_flags(&socket)?;
    let ledger = Ledger::new();
    ledger.line("server", format_args!("{address}, one-to-many"));
    ledger.line(
        "option",
        format_args!(
            "{}: the flags are {}",
            trial::option_name(support),
            trial::flags_are(support)
        ),
    );
    // At its end the threads are joined.
    thread::scope(|scope| {
        let shared = Shared::new(scope, &socket, stop.as_fd(), options.after, &ledger);
        shared.serve()
    })?;
    ledger.close();
    Ok(())
}

/// Becomes readable with the first signal, and stays so: nobody reads it.
fn stop_on_signals() -> io::Result<UnixStream> {
    let (stop, signal) = UnixStream::pair()?;
    pipe::register(SIGINT, signal.try_clone()?)?;
    pipe::register(SIGTERM, signal)?;
    Ok(stop)
}

fn listen(address: SocketAddr) -> Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = net::socket(family, SocketType::SEQPACKET, Some(SCTP)).map_err(no_sctp)?;
    mailbox::subscribe(&socket).map_err(during("setsockopt SCTP_EVENTS"))?;
    net::bind(&socket, &address).map_err(|errno| format!("bind to {address}: {errno}"))?;
    net::listen(&socket, 128).map_err(during("listen"))?;
    Ok(socket)
}
