//! One peel-off on the loopback interface, with checks.

use std::os::fd::AsFd;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags};

use crate::loopback::{Family, Result, client, receive, receive_from, send, server};

/// Peels off an association. Returns a description of the checks that have passed.
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
    send(&client, "queued")?;

    let peeled = peeloff_flags(&server, id, PeeloffFlags::all())?;
    check_flags(&peeled)?;
    if !assoc_ids(&server)?.is_empty() || assoc_ids(&peeled)? != [id] {
        return Err("the association is not on the new descriptor".into());
    }
    expect("queued", &receive(&peeled)?, "the peeled-off socket")?;
    send(&peeled, "welcome")?;
    expect("welcome", &receive(&client)?, "the client")?;
    Ok(format!(
        "peeled off an association on {}, and exchanged messages",
        address.ip()
    ))
}

/// The kernel's option that [`peeloff_flags`] uses.
pub(crate) fn option_name(supports_flags: bool) -> &'static str {
    if supports_flags {
        "SCTP_SOCKOPT_PEELOFF_FLAGS"
    } else {
        "SCTP_SOCKOPT_PEELOFF"
    }
}

/// The option and how the flags are set, in the output for people.
pub(crate) fn option_text(supports_flags: bool) -> String {
    let flags = if supports_flags {
        "flags set atomically"
    } else {
        "flags set after the peel-off, with fcntl"
    };
    format!("{}, {flags}", option_name(supports_flags))
}

pub(crate) fn check_flags(peeled: impl AsFd) -> Result<()> {
    if !fcntl_getfl(&peeled)?.contains(OFlags::NONBLOCK) {
        return Err("O_NONBLOCK is not set on the peeled-off socket".into());
    }
    if !fcntl_getfd(&peeled)?.contains(FdFlags::CLOEXEC) {
        return Err("FD_CLOEXEC is not set on the peeled-off socket".into());
    }
    Ok(())
}

pub(crate) fn expect(expected: &str, received: &str, who: &str) -> Result<()> {
    if expected == received {
        return Ok(());
    }
    Err(format!("{who} received '{received}' instead of '{expected}'").into())
}
