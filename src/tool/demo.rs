//! `demo`: three clients on one socket, one of which is peeled off.

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

/// Messages that are queued on the one-to-many socket before the peel-off.
const QUEUED: usize = 50;
/// Messages in each direction after the peel-off.
const EXCHANGES: usize = 10;

struct Client {
    socket: OwnedFd,
    address: SocketAddr,
    id: AssocId,
}

pub(crate) const HELP: &str = "\
Runs a server and three clients on the loopback interface, and peels off one of
the clients. Stops at the first step with an unexpected result.

Usage: sctp-peeloff [demo] [--ipv6]

Options:
  --ipv6           use ::1 instead of 127.0.0.1
  -h, --help       print this help
  -V, --version    print the version

Exit status: 0 every step has the expected result, 1 a step has failed,
2 incorrect usage.
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

/// `println!`, but returns an error if standard output is closed.
macro_rules! print_line {
    ($($text:tt)*) => { writeln!(io::stdout(), $($text)*) };
}

pub(crate) fn run(family: Family) -> Result<()> {
    let system = uname();
    print_line!(
        "kernel    {} {} on {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
    )?;

    let (server, address) = server(family)?;
    print_line!(
        "server    {address}, one-to-many, descriptor {}",
        server.as_raw_fd()
    )?;
    let option = trial::option_text(supports_flags(&server)?);
    print_line!("option    {option}")?;

    let mut clients = Vec::new();
    for role in ["sporadic", "sporadic", "busy"] {
        let client = associate(family, &server, address)?;
        let (address, id) = (client.address, client.id);
        print_line!("client    {address}, association {id}, {role}")?;
        clients.push(client);
    }
    let mut expected: Vec<_> = clients.iter().map(|client| client.id).collect();
    expect_ids(&server, &mut expected, "three clients are associated")?;
    let busy = clients.pop().ok_or("no busy client")?;

    for number in 0..QUEUED {
        send(&busy.socket, &format!("queued {number}"))?;
    }
    let (peeled, time) = peel_off(&server, &busy)?;
    trial::check_flags(&peeled)?;
    print_line!("flags     O_NONBLOCK on, FD_CLOEXEC on")?;
    expected.retain(|id| *id != busy.id);
    expect_ids(
        &server,
        &mut expected,
        "the busy client is not on the one-to-many socket",
    )?;
    expect_ids(
        &peeled,
        &mut [busy.id],
        "the busy client is on the peeled-off socket",
    )?;

    exchange(&peeled, &busy)?;
    print_line!("peeled    {QUEUED} queued messages received, then {EXCHANGES} in each direction")?;
    for client in &clients {
        converse(&server, client)?;
    }
    print_line!("server    the sporadic clients still use the one-to-many socket")?;
    print_line!("time      {time:.1?} for the peel-off")?;
    Ok(())
}

/// Connects a client. Its first message gives the server the client's address.
fn associate(family: Family, server: &OwnedFd, address: SocketAddr) -> Result<Client> {
    let (socket, address) = client(family, address)?;
    send(&socket, "hello")?;
    let (message, sender) = receive_from(server)?;
    expect(
        &format!("hello, {address}"),
        &format!("{message}, {sender}"),
        "the server",
    )?;
    let id = assoc_id_of_peer(server, address)?;
    Ok(Client {
        socket,
        address,
        id,
    })
}

fn expect_ids(socket: &OwnedFd, expected: &mut [AssocId], fact: &str) -> Result<()> {
    let mut listed = assoc_ids(socket)?;
    listed.sort_unstable();
    expected.sort_unstable();
    let descriptor = socket.as_raw_fd();
    if listed != expected {
        return Err(format!(
            "descriptor {descriptor} has the associations {listed:?} instead of {expected:?}"
        )
        .into());
    }
    let ids: Vec<_> = listed.iter().map(ToString::to_string).collect();
    print_line!(
        "ids       {} on descriptor {descriptor}: {fact}",
        ids.join(", ")
    )?;
    Ok(())
}

fn peel_off(server: &OwnedFd, client: &Client) -> Result<(OwnedFd, Duration)> {
    let start = Instant::now();
    let peeled = peeloff_flags(server, client.id, PeeloffFlags::all())?;
    let time = start.elapsed();
    print_line!(
        "peeled    association {} into descriptor {}",
        client.id,
        peeled.as_raw_fd()
    )?;
    Ok((peeled, time))
}

/// Receives the messages that were queued before the peel-off, in order. Then sends
/// messages in both directions.
fn exchange(peeled: &OwnedFd, client: &Client) -> Result<()> {
    for number in 0..QUEUED {
        expect(
            &format!("queued {number}"),
            &receive(peeled)?,
            "the peeled-off socket",
        )?;
    }
    for number in 0..EXCHANGES {
        let (request, reply) = (format!("request {number}"), format!("reply {number}"));
        send(&client.socket, &request)?;
        expect(&request, &receive(peeled)?, "the peeled-off socket")?;
        send(peeled, &reply)?;
        expect(&reply, &receive(&client.socket)?, "the busy client")?;
    }
    Ok(())
}

/// Sends a message in both directions over the one-to-many socket. A message of the busy
/// client on this socket would be an error.
fn converse(server: &OwnedFd, client: &Client) -> Result<()> {
    send(&client.socket, "request")?;
    let (message, sender) = receive_from(server)?;
    expect(
        &format!("request, {}", client.address),
        &format!("{message}, {sender}"),
        "the server",
    )?;
    send_to(server, client.address, "reply")?;
    expect("reply", &receive(&client.socket)?, "a sporadic client")
}
