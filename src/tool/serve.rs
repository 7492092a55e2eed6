//! `serve`: an echo server that keeps sporadic peers on one socket and peels off busy
//! peers into threads.

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
use rustix::net::{self, AddressFamily};
use sctp_peeloff::{set_recvrcvinfo, subscribe_assoc_change, supports_flags};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::loopback::{Result, during, one_to_many};
use crate::{Command, common, trial};
use ledger::{Carried, Ledger};
use shared::Shared;

pub(crate) const HELP: &str = "\
Runs an echo server on a one-to-many socket. An association that reaches a
threshold is peeled off into a thread. Each message is returned unchanged, on
the same stream and with the same PPID. The server prints one line for each
event, and the totals in the last line of a terminal. SIGINT and SIGTERM shut
down all associations gracefully.

Usage: sctp-peeloff serve ADDRESS[:PORT] [OPTION]...

ADDRESS is an IPv4 or IPv6 address. Examples with a port: 127.0.0.1:7, [::1]:7.
The default port is 9899. Port 0 selects a free port.

Options:
  --after N        peel off after N messages (default 10 without --after-bytes)
  --after-bytes N  peel off after N bytes; with --after, after the first of both
  -h, --help       print this help
  -V, --version    print the version

Exit status: 0 stopped by a signal, 1 failure, 2 incorrect usage.
";

const PORT: u16 = 9899;
const AFTER: u64 = 10;

pub(crate) struct Options {
    address: SocketAddr,
    after: After,
}

/// The thresholds at which an association is peeled off.
#[derive(Clone, Copy, Default)]
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
    let (mut address, mut after) = (None, After::default());
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
    let address = address.ok_or("serve requires an ADDRESS, such as 127.0.0.1")?;
    Ok(Command::Serve(Options { address, after }))
}

fn positive(parser: &mut Parser) -> Result<u64, lexopt::Error> {
    let number = parser.value()?.parse_with(|text| match text.parse() {
        Ok(0) => Err("the number must be 1 or more"),
        Ok(number) => Ok(number),
        Err(_) => Err("not a number"),
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
        .map_err(|_| "not an IP address, with or without a port")
}

/// Serves until a signal arrives.
pub(crate) fn run(options: &Options) -> Result<()> {
    let stop = stop_on_signals()?;
    let socket = listen(options.address)?;
    let address = SocketAddr::try_from(net::getsockname(&socket)?)?;
    let option = trial::option_text(supports_flags(&socket)?);
    let ledger = Ledger::new();
    ledger.line("server", format_args!("{address}, one-to-many"));
    ledger.line("option", format_args!("{option}"));
    // The scope joins all threads.
    thread::scope(|scope| {
        let shared = Shared::new(scope, &socket, stop.as_fd(), options.after, &ledger);
        shared.serve()
    })?;
    ledger.close();
    Ok(())
}

/// Returns a socket that becomes readable with the first signal. The socket stays
/// readable, because it is never read.
fn stop_on_signals() -> io::Result<UnixStream> {
    let (stop, signal) = UnixStream::pair()?;
    pipe::register(SIGINT, signal.try_clone()?)?;
    pipe::register(SIGTERM, signal)?;
    Ok(stop)
}

/// Creates the one-to-many socket. The associations and the peeled-off sockets inherit
/// its subscriptions.
fn listen(address: SocketAddr) -> Result<OwnedFd> {
    let domain = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = one_to_many(domain)?;
    set_recvrcvinfo(&socket)?;
    subscribe_assoc_change(&socket)?;
    net::bind(&socket, &address).map_err(|errno| format!("bind to {address}: {errno}"))?;
    net::listen(&socket, 128).map_err(during("listen"))?;
    Ok(socket)
}
