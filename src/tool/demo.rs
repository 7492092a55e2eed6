//! Three clients on one socket, and the busy one peeled off.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::system::uname;
use sctp_peeloff::{
    AssocId, PeeloffFlags, Support, assoc_id_of_peer, assoc_ids, kernel_support, peeloff_flags,
};

use crate::loopback::{Family, Result, client, receive, receive_from, send, send_to, server};

/// Messages that wait on the one-to-many socket when the busy client is peeled off.
const BACKLOG: usize = 50;
/// Messages each way over the peeled-off descriptor.
const EXCHANGES: usize = 10;

struct Client {
    socket: OwnedFd,
    address: SocketAddr,
    id: AssocId,
}

pub(crate) fn run(family: Family) -> Result<()> {
    let system = uname();
    println!(
        "kernel    {} {} on {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
    );

    let (server, address) = server(family)?;
    println!(
        "server    {address}, one-to-many, descriptor {}",
        server.as_raw_fd()
    );
    let support = kernel_support(&server)?;
    println!("option    {}", option_name(support));

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
        println!(
            "client    {}, association {}, {what}",
            client.address, client.id
        );
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
    show_flags(&peeled)?;
    expected.retain(|id| *id != busy.id);
    expect_ids(&server, &mut expected, "the busy one was peeled off")?;
    expect_ids(
        &peeled,
        &mut [busy.id],
        "the peeled-off descriptor has its one",
    )?;

    exchange(&peeled, &busy)?;
    println!("peeled    {BACKLOG} messages that had been waiting, then {EXCHANGES} each way");
    for client in &sporadic {
        converse(&server, client)?;
    }
    println!("server    the two others go on over the one-to-many socket");
    println!("time      {time:.1?} for the peel-off");
    Ok(())
}

fn option_name(support: Support) -> &'static str {
    match support {
        Support::Flags => "SCTP_SOCKOPT_PEELOFF_FLAGS: the descriptor is made with its flags",
        Support::Plain => "SCTP_SOCKOPT_PEELOFF, and fcntl for the flags: a kernel before 4.13",
    }
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
    println!(
        "ids       {} on descriptor {}: {when}",
        ids.join(", "),
        socket.as_raw_fd()
    );
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
    println!(
        "peeled    association {} into descriptor {}",
        busy.id,
        peeled.as_raw_fd()
    );
    Ok((peeled, time))
}

fn show_flags(peeled: &OwnedFd) -> Result<()> {
    let nonblock = fcntl_getfl(peeled)?.contains(OFlags::NONBLOCK);
    let cloexec = fcntl_getfd(peeled)?.contains(FdFlags::CLOEXEC);
    println!(
        "flags     O_NONBLOCK {}, FD_CLOEXEC {}",
        on(nonblock),
        on(cloexec)
    );
    if nonblock && cloexec {
        return Ok(());
    }
    Err("a flag that was asked for is not on".into())
}

fn on(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
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

fn expect(expected: &str, got: &str, who: &str) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(format!("{who} got '{got}', not '{expected}'").into())
}
