//! The server of the guide, with tokio and with threads.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ::tokio::runtime::{Builder, Runtime};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBufForce, SndBufForce};
use rustix::net::{self, SendFlags, SocketFlags};
use sctp_peeloff::{AssocId, PeeloffFlags, assoc_ids};

use super::inbox::{End, Event, Inbox};
use super::shared::{Peeled, Shared, listen};
use super::{threads, tokio};
use crate::support::descriptors::Limit;
use crate::support::message::{Message, SCTP_ABORT, receive, send, send_flags};
use crate::support::option::{abort_on_close, abort_unnoticed, drop_packets, set_words};
use crate::support::{FAMILIES, Family, address, client, process, wait_for, wait_until};

/// The programs of the chapter. They run until they are killed.
#[allow(dead_code, reason = "they do not return")]
mod programs {
    use super::super::tokio as server;
    use super::*;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn with_tokio() -> Result {
        let socket = listen("[::]:9899".parse()?, SocketFlags::NONBLOCK)?;
        let runtime = Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(server::serve(socket, 100))?;
        Ok(())
    }

    fn with_threads() -> Result {
        let socket = listen("[::]:9899".parse()?, SocketFlags::empty())?;
        let stop = AtomicBool::new(false);
        threads::serve(&socket, 100, &stop)?;
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    Tokio,
    Threads,
}

const VERSIONS: [Version; 2] = [Version::Tokio, Version::Threads];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A listening one-to-many socket that gives up a vanished peer after one retransmission.
fn listening(family: Family, flags: SocketFlags) -> OwnedFd {
    let socket = listen(family.loopback(), flags).unwrap();
    set_words(&socket, libc::SCTP_RTOINFO, &[0, 100, 200, 100]);
    // The number of retransmissions is the first half of the second word.
    let one = if cfg!(target_endian = "big") {
        1 << 16
    } else {
        1
    };
    set_words(&socket, libc::SCTP_ASSOCINFO, &[0, one, 0, 0, 0]);
    socket
}

/// A listening socket, and a client that has sent it a message.
fn with_client(family: Family, flags: SocketFlags) -> (OwnedFd, OwnedFd) {
    let socket = listening(family, flags);
    let client = client(family, &socket);
    send(&client, &Message::new("hello", 0, 0)).unwrap();
    (socket, client)
}

impl Version {
    /// Runs the server while the body runs.
    fn with_server(self, family: Family, sporadic: u32, body: impl FnOnce(&OwnedFd)) {
        let mut flags = SocketFlags::empty();
        flags.set(SocketFlags::NONBLOCK, self == Self::Tokio);
        let socket = listening(family, flags);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                if self == Self::Threads {
                    return threads::serve(&socket, sporadic, &stop).unwrap();
                }
                let runtime = runtime();
                let server = runtime.spawn(tokio::serve(socket.try_clone().unwrap(), sporadic));
                runtime.block_on(async {
                    while !stop.load(Ordering::Relaxed) {
                        ::tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                });
                assert!(!server.is_finished(), "the server has failed");
            });
            let result = catch_unwind(AssertUnwindSafe(|| body(&socket)));
            // After a panic too, the scope waits for the server.
            stop.store(true, Ordering::Relaxed);
            result.unwrap_or_else(|panic| resume_unwind(panic));
        });
    }

    /// Peels off the association of a client that has sent a message.
    fn peel_off(self, socket: &OwnedFd) -> Peeled {
        let mut flags = PeeloffFlags::CLOEXEC;
        flags.set(PeeloffFlags::NONBLOCK, self == Self::Tokio);
        let mut shared = Shared::new(0, flags);
        wait_for("the peel-off", || shared.serve_next(socket).ok().flatten())
    }

    pub(crate) fn serve_peeled(self, peeled: Peeled) -> io::Result<End> {
        match self {
            Self::Tokio => runtime().block_on(tokio::serve_peeled(peeled)),
            Self::Threads => threads::serve_peeled(peeled, &AtomicBool::new(false))
                .map(|end| end.expect("no stop")),
        }
    }
}

fn echoes(client: &OwnedFd, number: u32) {
    for message in (0..number).map(|number| format!("message {number}")) {
        send(client, &Message::new(&message, 0, 0)).unwrap();
        assert_eq!(receive(client).unwrap().data, message.as_bytes());
    }
}

/// Runs the body with each version of the server, over both families.
fn with_servers(sporadic: u32, body: impl Fn(&OwnedFd, Family)) {
    for version in VERSIONS {
        for family in FAMILIES {
            version.with_server(family, sporadic, |socket| body(socket, family));
        }
    }
}

#[test]
fn serve_peels_off_an_association_that_is_busy() {
    with_servers(3, |socket, family| {
        let [sporadic, busy] = [client(family, socket), client(family, socket)];
        echoes(&sporadic, 3);
        echoes(&busy, 100);
        assert_eq!(assoc_ids(socket).unwrap().len(), 1);
        echoes(&sporadic, 1);
        assert_eq!(assoc_ids(socket).unwrap(), []);
        echoes(&busy, 1);
    });
}

/// The test fills the send buffer of the one-to-many socket.
#[test]
fn serve_peels_off_an_association_whose_peer_does_not_read() {
    with_servers(u32::MAX, |socket, family| {
        let [stalled, other] = [client(family, socket), client(family, socket)];
        echoes(&other, 1);
        wait_until("the peel-off", || {
            let _ = net::send(&stalled, &[0; 1000], SendFlags::DONTWAIT);
            assoc_ids(socket).unwrap().len() == 1
        });
        echoes(&other, 10);
        abort_on_close(stalled);
    });
}

#[test]
fn serve_retries_at_the_descriptor_limit() {
    process::alone(|| {
        with_servers(1, |socket, family| {
            let client = client(family, socket);
            // After an echo, the server has opened all descriptors that it needs.
            echoes(&client, 1);
            let limit = Limit::none_free();
            echoes(&client, 3);
            assert_eq!(assoc_ids(socket).unwrap().len(), 1);
            drop(limit);
            echoes(&client, 1);
            assert_eq!(assoc_ids(socket).unwrap(), []);
        });
    });
}

const ENDS: [End; 3] = [End::Graceful, End::Aborted, End::Vanished];

/// Ends the association from the client's side. Returns the client if it simulates a vanished
/// peer.
fn end(client: OwnedFd, end: End) -> Option<OwnedFd> {
    if end == End::Vanished {
        drop_packets(&client);
    }
    // The close of a vanished client must not wait for the server.
    if end != End::Graceful {
        abort_on_close(&client);
    }
    (end == End::Vanished).then_some(client)
}

#[test]
fn serve_peeled_returns_how_the_association_has_ended() {
    for version in VERSIONS {
        for family in FAMILIES {
            for expected in ENDS {
                let (socket, client) = with_client(family, SocketFlags::empty());
                let peeled = version.peel_off(&socket);
                // A vanished client does not acknowledge the reply to its message.
                let _vanished = end(client, expected);
                let found = version.serve_peeled(peeled).unwrap();
                assert_eq!(found, expected, "{version:?}");
            }
        }
    }
}

/// The reply to the client's message causes the abort.
#[test]
fn serve_peeled_returns_aborted_after_an_abort_without_an_error_cause() {
    for version in VERSIONS {
        let (socket, client) = with_client(Family::V4, SocketFlags::empty());
        let peeled = version.peel_off(&socket);
        abort_unnoticed(&peeled.socket, client);
        assert_eq!(version.serve_peeled(peeled).unwrap(), End::Aborted);
    }
}

fn next_end(inbox: &mut Inbox, socket: &OwnedFd) -> (AssocId, End) {
    loop {
        if let Event::Ended(assoc, end) = inbox.receive(socket).unwrap() {
            return (assoc, end);
        }
    }
}

#[test]
fn receive_returns_how_an_association_of_the_shared_socket_has_ended() {
    for family in FAMILIES {
        for expected in ENDS {
            let (socket, client) = with_client(family, SocketFlags::empty());
            let mut inbox = Inbox::new();
            let Event::Message(message) = inbox.receive(&socket).unwrap() else {
                panic!("no message");
            };
            let assoc = message.info.assoc;
            let vanished = end(client, expected);
            if vanished.is_some() {
                let unacknowledged = Message::new("hello?", 0, 0).to(assoc);
                send(&socket, &unacknowledged).unwrap();
            }
            assert_eq!(next_end(&mut inbox, &socket), (assoc, expected));
        }
    }
}

#[test]
fn receive_discards_a_message_that_is_too_long() {
    let socket = listening(Family::V4, SocketFlags::empty());
    // With the default receive buffer, the long messages took six seconds.
    setsockopt(&socket, RcvBufForce, &4_000_000).unwrap();
    let client = client(Family::V4, &socket);
    setsockopt(&client, SndBufForce, &4_000_000).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for length in [1 << 20, (1 << 20) + 1, 20] {
                send(&client, &Message::new(vec![0; length], 0, 0)).unwrap();
            }
        });
        let mut inbox = Inbox::new();
        for length in [1 << 20, 20] {
            let event = inbox.receive(&socket).unwrap();
            assert!(matches!(event, Event::Message(message) if message.data.len() == length));
        }
    });
}

#[test]
fn receive_returns_failed_after_an_abort_of_this_side() {
    let (socket, _client) = with_client(Family::V4, SocketFlags::empty());
    let mut peeled = Version::Threads.peel_off(&socket);
    send_flags(&peeled.socket, &Message::new("reason", 0, 0), SCTP_ABORT).unwrap();
    let ended = next_end(&mut peeled.inbox, &peeled.socket);
    assert_eq!(ended, (peeled.assoc, End::Failed));
}

#[test]
fn serve_next_removes_an_association_that_has_ended() {
    let (socket, client) = with_client(Family::V4, SocketFlags::NONBLOCK);
    let mut shared = Shared::new(5, PeeloffFlags::CLOEXEC);
    let mut wait_for_count = |expected| {
        wait_until("the number of associations", || {
            let _ = shared.serve_next(&socket);
            shared.messages.len() == expected
        });
    };
    wait_for_count(1);
    drop(client);
    wait_for_count(0);
}

#[test]
fn listen_returns_a_socket_with_the_family_of_the_address() {
    for family in FAMILIES {
        let socket = listening(family, SocketFlags::empty());
        assert_eq!(address(&socket).ip(), family.loopback().ip());
    }
}
