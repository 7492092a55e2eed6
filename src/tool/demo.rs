//! Three clients on one socket, and the busy one peeled off.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use lexopt::Arg::Long;
use lexopt::Parser;
use rustix::system::uname;
use sctp_peeloff::{
    AssocId, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags, supports_flags,
};

use crate::loopback::{Family, Result, client, receive, receive_from, send, send_to, server};
use crate::trial::{self, expect};
use crate::{Command, common};

/// Messages that wait on the one-to-many socket when the busy client is peeled off.
const BACKLOG: usize = 50;
/// Messages each way over the peeled-off descriptor.
const EXCHANGES: usize = 10;

struct Client {
    socket: OwnedFd,
    address: SocketAddr,
    id: AssocId,
}

pub(crate) const HELP: &str = "\
A server, three clients, and the busy one peeled off, on loopback. It stops at
the first thing that is not as it should be.

Usage: sctp-peeloff [demo] [--ipv6]

Options:
  --ipv6           over ::1 instead of 127.0.0.1
  -h, --help       this text
  -V, --version    the version

Status: 0 all was seen to be so, 1 something was not, 2 wrong usage.
";

pub(crate) fn parse(mut parser: Parser, help: &'static str) -> Result<Command, lexopt::Error> {
    let mut family = Family::V4;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("ipv6") => family = Family::V6,
            other => return common(other, help),
        }
    }
    Ok(Command::Demo(family))
}

/// `println!` would panic where nobody reads any more.
macro_rules! say {
    ($($words:tt)*) => { writeln!(io::stdout(), $($words)*) };
}

pub(crate) fn run(family: Family) -> Result<()> {
    let system = uname();
    say!(
        "kernel    {} {} on {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
    )?;

    let (server, address) = server(family)?;
    say!(
        "server    {address}, one-to-many, descriptor {}",
        server.as_raw_fd()
    )?;
    let support = supports_flags(&server)?;
    say!(
        "option    {}: the flags are {}",
        trial::option_name(support),
        trial::flags_are(support)
    )?;

    let mut sporadic = Vec::new();
    for _ in 0..2 {
        sporadic.push(associate(family, &server, address)?);
    }
    let busy = associate(family, &server, address)?;
    for (client, what) in [
        (&sporadic[0], "sporadic"),
        (&sporadic[1], "sporadic"),
        (&busy, "busy"),
    ] {
        say!(
            "client    {}, association {}, {what}",
            client.address,
            client.id
        )?;
    }
    let mut expected: Vec<_> = sporadic
        .iter()
        .chain([&busy])
        .map(|client| client.id)
        .collect();
    expect_ids(&server, &mut expected, "three clients have associated")?;

    for number in 0..BACKLOG {
        send(&busy.socket, &format!("backlog {number}"))?;
    }
    let (peeled, time) = peel_busy(&server, &busy)?;
    trial::has_flags(&peeled)?;
    say!("flags     O_NONBLOCK on, FD_CLOEXEC on")?;
    expected.retain(|id| *id != busy.id);
    expect_ids(&server, &mut expected, "the busy one was peeled off")?;
    expect_ids(
        &peeled,
        &mut [busy.id],
        "the peeled-off descriptor has its one",
    )?;

    exchange(&peeled, &busy)?;
    say!("peeled    {BACKLOG} messages that had been waiting, then {EXCHANGES} each way")?;
    for client in &sporadic {
        converse(&server, client)?;
    }
    say!("server    the two others go on over the one-to-many socket")?;
    say!("time      {time:.1?} for the peel-off")?;
    Ok(())
}

/// A client that has said one word, by which the server knows it.
fn associate(family: Family, server: &OwnedFd, address: SocketAddr) -> Result<Client> {
    let (socket, address) = client(family, address)?;
    send(&socket, "hello")?;
    let (message, sender) = receive_from(server)?;
    if (message.as_str(), sender) != ("hello", address) {
        return Err(format!(
            "the server got '{message}' from {sender}, not 'hello' from {address}"
        )
        .into());
    }
    let id = assoc_id_of_peer(server, address)?;
    Ok(Client {
        socket,
        address,
        id,
    })
}

fn expect_ids(socket: &OwnedFd, expected: &mut [AssocId], when: &str) -> Result<()> {
    let mut listed = assoc_ids(socket)?;
    listed.sort_unstable();
    expected.sort_unstable();
    if listed != expected {
        return Err(format!(
            "{when}, yet descriptor {} lists {listed:?}, not {expected:?}",
            socket.as_raw_fd()
        )
        .into());
    }
    let ids: Vec<_> = listed.iter().map(ToString::to_string).collect();
    say!(
        "ids       {} on descriptor {}: {when}",
        ids.join(", "),
        socket.as_raw_fd()
    )?;
    Ok(())
}

fn peel_busy(server: &OwnedFd, busy: &Client) -> Result<(OwnedFd, Duration)> {
    let start = Instant::now();
    let peeled = peeloff_flags(
        server,
        busy.id,
        PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC,
    )?;
    let time = start.elapsed();
    say!(
        "peeled    association {} into descriptor {}",
        busy.id,
        peeled.as_raw_fd()
    )?;
    Ok((peeled, time))
}

/// What was waiting has moved with the association, in order; then both sides
/// speak.
fn exchange(peeled: &OwnedFd, busy: &Client) -> Result<()> {
    for number in 0..BACKLOG {
        expect(
            &format!("backlog {number}"),
            &receive(peeled)?,
            "the peeled-off descriptor",
        )?;
    }
    for number in 0..EXCHANGES {
        let (request, reply) = (format!("request {number}"), format!("reply {number}"));
        send(&busy.socket, &request)?;
        expect(&request, &receive(peeled)?, "the peeled-off descriptor")?;
        send(peeled, &reply)?;
        expect(&reply, &receive(&busy.socket)?, "the busy client")?;
    }
    Ok(())
}

/// Over the one-to-many socket, where nothing of the busy one may turn up.
fn converse(server: &OwnedFd, client: &Client) -> Result<()> {
    send(&client.socket, "still here")?;
    let (message, sender) = receive_from(server)?;
    expect(
        &format!("still here, {}", client.address),
        &format!("{message}, {sender}"),
        "the server",
    )?;
    send_to(server, client.address, "so am I")?;
    expect("so am I", &receive(&client.socket)?, "a client")
}
