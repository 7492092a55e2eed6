//! A peel-off before the client has received the COOKIE-ACK. The chapter `kernel_faults`
//! describes the fault in Linux 7.2.

use std::os::fd::OwnedFd;
use std::thread;

use rustix::io::Errno;
use rustix::net::{self, SocketType};
use sctp_peeloff::{AssocId, assoc_ids};

use super::peel;
use crate::support::message::passes;
use crate::support::option::{drop_chunks, let_packets_in, set_words};
use crate::support::{FAMILIES, Family, address, kernel, server, socket, wait_for};

const COOKIE_ACK: u32 = 11;
/// The number of attempts of a client that must not give up.
const ENOUGH: i32 = 100;

/// Connects a client that drops each COOKIE-ACK until `meanwhile` has returned.
fn connect<T>(
    family: Family,
    server: &OwnedFd,
    attempts: i32,
    meanwhile: impl FnOnce(AssocId) -> T,
) -> (OwnedFd, Result<(), Errno>, T) {
    let client = socket(family, SocketType::STREAM);
    // Initial, maximum and minimum RTO in milliseconds.
    set_words(&client, libc::SCTP_RTOINFO, &[0, 100, 200, 100]);
    // The default numbers of streams, `attempts` transmissions, and at most 200 ms between two
    // transmissions.
    set_words(&client, libc::SCTP_INITMSG, &[0, attempts | 200 << 16]);
    drop_chunks(&client, COOKIE_ACK);
    let (connected, value) = thread::scope(|scope| {
        let connected = scope.spawn(|| net::connect(&client, &address(server)));
        let assoc = wait_for("the association", || {
            assoc_ids(server).unwrap().first().copied()
        });
        let value = meanwhile(assoc);
        let_packets_in(&client);
        (connected.join().unwrap(), value)
    });
    (client, connected, value)
}

#[test]
fn peeloff_after_the_first_message_survives_a_lost_cookie_ack() {
    for family in FAMILIES {
        let server = server(family);
        let (client, connected, assoc) = connect(family, &server, ENOUGH, |assoc| assoc);
        assert_eq!(connected, Ok(()));
        passes(&client, &server, "first");
        passes(&peel(&server, assoc), &client, "reply");
    }
}

/// This test fails on a later kernel in which the fault is fixed.
#[test]
fn peeloff_at_comm_up_does_not_survive_a_lost_cookie_ack_on_linux_7_2() {
    for family in FAMILIES {
        let server = server(family);
        let is_faulty = kernel::version() >= (7, 2);
        let attempts = if is_faulty { 3 } else { ENOUGH };
        let peel = |assoc| peel(&server, assoc);
        let (client, connected, peeled) = connect(family, &server, attempts, peel);
        if is_faulty {
            assert_eq!(connected, Err(Errno::TIMEDOUT));
            continue;
        }
        assert_eq!(connected, Ok(()));
        passes(&client, &peeled, "first");
    }
}
