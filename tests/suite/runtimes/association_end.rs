//! The end of an association in tokio, and after shutdown(2) of the peer. The module
//! `peeled_socket::end` tests epoll and reads.
#![allow(
    unsafe_code,
    reason = "with AsyncFd, the caller must keep the descriptor open"
)]

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{self, Shutdown};
use sctp_peeloff::notification::{Reader, Received, ReturnFlags};
use sctp_peeloff::{PeeloffFlags, peeloff_flags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::support::message::{MSG_NOTIFICATION, Message, receive, send};
use crate::support::option::{abort_on_close, subscribe_assoc_change};
use crate::support::{FAMILIES, Family, associate, server, wait_for, wait_until_ended};

/// Whether this notification reports the end of an association.
fn ended(notification: &[u8]) -> bool {
    let received = Reader::new().read(notification, MSG_NOTIFICATION | ReturnFlags::EOR);
    matches!(received, Received::AssocChange(change) if change.state.is_end())
}

/// A peeled-off socket with an empty receive queue, and its peer.
fn peeled(family: Family, subscribed: bool) -> (OwnedFd, OwnedFd) {
    let server = server(family);
    if subscribed {
        subscribe_assoc_change(&server);
    }
    let (client, id) = associate(family, &server);
    let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap();
    if subscribed {
        let up = receive(&peeled).unwrap();
        assert!(up.notification && !ended(&up.data));
    }
    (peeled, client)
}

/// In tokio, an error event alone makes a socket neither readable nor read-closed.
#[test]
fn tokio_reports_no_readiness_at_an_abort_without_subscription() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async {
        for subscribed in [true, false] {
            let (peeled, client) = peeled(Family::V4, subscribed);
            let all = Interest::READABLE | Interest::WRITABLE;
            // SAFETY: the AsyncFd owns `peeled`, which keeps its descriptor open.
            let peeled = unsafe { AsyncFd::register_with_interest(peeled, all | Interest::ERROR) };
            let peeled = peeled.unwrap();
            abort_on_close(&client);
            drop(client);
            wait_until_ended(peeled.get_ref());
            // Waits until tokio has received the event.
            drop(peeled.ready(Interest::ERROR).await.unwrap());
            let ready = peeled.ready(all).await.unwrap().ready();
            assert_eq!(
                ready.is_readable() || ready.is_read_closed(),
                subscribed,
                "{ready:?}"
            );
        }
    });
}

/// The peer still receives the messages that it has not read yet.
#[test]
fn send_fails_with_eshutdown_after_shutdown_of_the_peer() {
    for family in FAMILIES {
        let (peeled, client) = peeled(family, true);
        let much = Message::new([0; 1000], 0, 0);
        let sent = std::iter::repeat_with(|| send(&peeled, &much))
            .take_while(Result::is_ok)
            .count();
        net::shutdown(&client, Shutdown::Write).unwrap();
        let error = wait_for("the shutdown", || {
            send(&peeled, &much)
                .err()
                .filter(|errno| *errno != Errno::AGAIN)
        });
        assert_eq!(error, Errno::SHUTDOWN);
        for _ in 0..sent {
            assert_eq!(receive(&client).unwrap().data, much.data);
        }
        wait_until_ended(&peeled);
        assert!(ended(&receive(&peeled).unwrap().data));
        assert_eq!(send(&peeled, &much), Err(Errno::PIPE));
    }
}
