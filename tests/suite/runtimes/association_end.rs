//! The effect of the end of an association on epoll, reads and writes.
#![allow(
    unsafe_code,
    reason = "with AsyncFd, the caller must keep the descriptor open"
)]

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::EventFlags;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{self, Shutdown};
use sctp_peeloff::notification::{Reader, Received, ReturnFlags};
use sctp_peeloff::{PeeloffFlags, assoc_ids, peeloff_flags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::edge_triggered::{events, watch};
use crate::support::message::{MSG_NOTIFICATION, Message, receive, send};
use crate::support::option::{abort_on_close, subscribe_assoc_change};
use crate::support::{FAMILIES, Family, associate, server, wait_for};

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

fn end(peeled: &OwnedFd, client: OwnedFd, abort: bool) {
    if abort {
        abort_on_close(&client);
    }
    drop(client);
    wait_for("the end", || {
        assoc_ids(peeled).unwrap().is_empty().then_some(())
    });
}

/// Reads until `EAGAIN`, and checks the results of the reads after the end.
fn expect_the_rest(peeled: &OwnedFd, subscribed: bool, abort: bool) {
    if subscribed {
        let change = receive(peeled).unwrap();
        assert!(change.notification && ended(&change.data));
    }
    if abort {
        assert_eq!(receive(peeled), Err(Errno::CONNRESET));
    }
    for _ in 0..3 {
        assert_eq!(receive(peeled), Err(Errno::AGAIN));
    }
    assert_eq!(send(peeled, &Message::new("gone", 0, 0)), Err(Errno::PIPE));
}

fn epoll_at_the_end(subscribed: bool, abort: bool, expected: EventFlags) {
    for family in FAMILIES {
        for mode in [EventFlags::empty(), EventFlags::ET] {
            for out in [EventFlags::empty(), EventFlags::OUT] {
                let (peeled, client) = peeled(family, subscribed);
                let wanted = EventFlags::IN | EventFlags::RDHUP | out | mode;
                let epoll = watch(&peeled, wanted);
                assert_eq!(events(&epoll), out);

                end(&peeled, client, abort);
                assert_eq!(events(&epoll), expected | out, "{wanted:?}");
                let again = if mode.is_empty() {
                    expected | out
                } else {
                    EventFlags::empty()
                };
                assert_eq!(events(&epoll), again, "{wanted:?}");
                expect_the_rest(&peeled, subscribed, abort);
            }
        }
    }
}

#[test]
fn epoll_reports_in_at_a_graceful_end_with_subscription() {
    epoll_at_the_end(true, false, EventFlags::IN);
}

#[test]
fn epoll_reports_in_and_err_at_an_abort_with_subscription() {
    epoll_at_the_end(true, true, EventFlags::IN | EventFlags::ERR);
}

/// An edge-triggered epoll with `EPOLLOUT` reports one more `EPOLLOUT`. Every other epoll
/// reports no change.
#[test]
fn epoll_reports_nothing_at_a_graceful_end_without_subscription() {
    epoll_at_the_end(false, false, EventFlags::empty());
}

#[test]
fn epoll_reports_err_at_an_abort_without_subscription() {
    epoll_at_the_end(false, true, EventFlags::ERR);
}

#[test]
fn subscription_after_the_peel_off_reports_the_end() {
    for family in FAMILIES {
        for abort in [false, true] {
            let (peeled, client) = peeled(family, false);
            subscribe_assoc_change(&peeled);
            assert_eq!(assoc_ids(peeled.as_fd()).unwrap().len(), 1);
            end(&peeled, client, abort);
            expect_the_rest(&peeled, true, abort);
        }
    }
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
            end(peeled.get_ref(), client, true);
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
        wait_for("the end", || {
            assoc_ids(&peeled).unwrap().is_empty().then_some(())
        });
        expect_the_rest(&peeled, true, false);
    }
}

#[test]
fn close_with_an_unread_message_aborts() {
    for family in FAMILIES {
        for unread in [false, true] {
            let (peeled, client) = peeled(family, false);
            if unread {
                send(&client, &Message::new("unread", 0, 0)).unwrap();
                wait_for("the message", || {
                    let mut sockets = [PollFd::new(&peeled, PollFlags::IN)];
                    let ready = poll(&mut sockets, Some(&Timespec::default())).unwrap();
                    (ready == 1).then_some(())
                });
            }
            drop(peeled);
            let end = receive(&client).map(|message| message.data);
            let expected = if unread {
                Err(Errno::CONNRESET)
            } else {
                Ok(vec![])
            };
            assert_eq!(end, expected);
        }
    }
}
