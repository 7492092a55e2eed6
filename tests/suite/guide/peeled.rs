//! The examples of the chapter `peeled`.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use sctp_peeloff::sockopt::has_assoc;
use sctp_peeloff::{AssocId, PeeloffFlags, assoc_ids, peeloff_flags, subscribe_assoc_change};

use crate::support::message::{Message, send};
use crate::support::option::abort_on_close;
use crate::support::{FAMILIES, Family, associate, server, wait_until};

fn peeled(family: Family) -> (OwnedFd, OwnedFd) {
    let server = server(family);
    let (client, assoc) = associate(family, &server);
    send(&client, &Message::new("last words", 0, 0)).unwrap();
    let peeled = peeloff_flags(&server, assoc, PeeloffFlags::CLOEXEC).unwrap();
    (client, peeled)
}

fn read_to_the_end(socket: &OwnedFd) -> Result<&'static str, Errno> {
    let mut buffer = [0; 1500];
    let end = loop {
        match recv(socket, &mut buffer, RecvFlags::empty()) {
            Ok((length, _)) => println!("{length} bytes"),
            Err(Errno::NOTCONN) => break "closed",
            Err(Errno::CONNRESET) => break "aborted",
            Err(Errno::TIMEDOUT) => break "vanished",
            Err(errno) => return Err(errno),
        }
    };
    Ok(end)
}

#[test]
fn recv_reports_how_the_association_has_ended() {
    for family in FAMILIES {
        for end in ["closed", "aborted"] {
            let (client, peeled) = peeled(family);
            if end == "aborted" {
                abort_on_close(&client);
            }
            drop(client);
            assert_eq!(read_to_the_end(&peeled), Ok(end));
        }
    }
}

fn subscribe_late(socket: &OwnedFd, assoc: AssocId) -> io::Result<bool> {
    subscribe_assoc_change(socket)?;
    let ended = !has_assoc(socket, assoc)?;
    Ok(ended)
}

#[test]
fn has_assoc_shows_an_end_before_the_subscription() {
    let (client, peeled) = peeled(Family::V4);
    let assoc = assoc_ids(&peeled).unwrap()[0];
    assert!(!subscribe_late(&peeled, assoc).unwrap());
    drop(client);
    wait_until("the end", || subscribe_late(&peeled, assoc).unwrap());
}
