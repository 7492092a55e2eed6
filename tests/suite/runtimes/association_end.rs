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

use crate::support::message::{MSG_NOTIFICATION, Message, passes, receive, send};
use crate::support::option::{
    SCTP_RTOINFO, abort_on_close, drop_packets, let_packets_in, set_words, subscribe_assoc_change,
};
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

/// The peer still receives the messages that have not been delivered yet.
#[test]
fn send_fails_with_eshutdown_after_shutdown_of_the_peer() {
    for family in FAMILIES {
        let (peeled, client) = peeled(family, true);
        set_words(&peeled, SCTP_RTOINFO, &[0, 100, 200, 100]);
        // The kernel applies the new limits when it has measured the round-trip time.
        passes(&peeled, &client, "first");
        // Until this message has been delivered, the association does not end.
        drop_packets(&client);
        let message = Message::new("late", 0, 0);
        let mut sent = 0;
        send(&peeled, &message).unwrap();
        net::shutdown(&client, Shutdown::Write).unwrap();
        let error = wait_for("the shutdown", || {
            sent += 1;
            send(&peeled, &message).err()
        });
        assert_eq!(error, Errno::SHUTDOWN);
        let_packets_in(&client);
        for _ in 0..sent {
            assert_eq!(receive(&client).unwrap().data, message.data);
        }
        wait_until_ended(&peeled);
        assert!(ended(&receive(&peeled).unwrap().data));
        assert_eq!(send(&peeled, &message), Err(Errno::PIPE));
    }
}
