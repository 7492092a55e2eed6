//! One peel-off on loopback, held against what it should be.

use std::os::fd::AsFd;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags};

use crate::loopback::{Family, Result, client, receive, receive_from, send, server};

/// What was seen to work.
pub(crate) fn run(family: Family) -> Result<String> {
    let (server, address) = server(family)?;
    let (client, peer) = client(family, address)?;
    send(&client, "hello")?;
    let (message, sender) = receive_from(&server)?;
    expect(
        &format!("hello, {peer}"),
        &format!("{message}, {sender}"),
        "the server",
    )?;
    let id = assoc_id_of_peer(&server, peer)?;
    send(&client, "waiting")?;

    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let peeled = peeloff_flags(&server, id, flags)?;
    has_flags(&peeled)?;
    if !assoc_ids(&server)?.is_empty() || assoc_ids(&peeled)? != [id] {
        return Err("the association has not moved to the new descriptor".into());
    }
    expect("waiting", &receive(&peeled)?, "the peeled-off descriptor")?;
    send(&peeled, "welcome")?;
    expect("welcome", &receive(&client)?, "the client")?;
    Ok(format!(
        "an association was peeled off on {}, and both sides spoke",
        address.ip()
    ))
}

pub(crate) fn option_name(supports_flags: bool) -> &'static str {
    if supports_flags {
        "SCTP_SOCKOPT_PEELOFF_FLAGS"
    } else {
        "SCTP_SOCKOPT_PEELOFF"
    }
}

/// On kernels before 4.13 the flags take two steps.
pub(crate) fn flags_are(supports_flags: bool) -> &'static str {
    if supports_flags {
        "set atomically"
    } else {
        "set after the peel-off, with fcntl"
    }
}

pub(crate) fn has_flags(peeled: impl AsFd) -> Result<()> {
    if !fcntl_getfl(&peeled)?.contains(OFlags::NONBLOCK) {
        return Err("O_NONBLOCK was asked for and is off".into());
    }
    if !fcntl_getfd(&peeled)?.contains(FdFlags::CLOEXEC) {
        return Err("FD_CLOEXEC was asked for and is off".into());
    }
    Ok(())
}

pub(crate) fn expect(expected: &str, got: &str, who: &str) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(format!("{who} got '{got}', not '{expected}'").into())
}
