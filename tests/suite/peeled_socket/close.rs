//! The ways to end a peeled-off association, and their effect on the peer.

use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{self, RecvFlags, Shutdown};
use sctp_peeloff::{AssocId, assoc_ids};

use super::{
    INTEREST, Read, State, blocked, data, peel, peel_nonblocking, quick_server, read, report,
    wait_for_end, watch,
};
use crate::support::message::{Message, SCTP_ABORT, SCTP_EOF, send, send_flags};
use crate::support::{FAMILIES, Family, associate, associated, option, server, wait_until};

fn peeled_off(family: Family) -> (OwnedFd, OwnedFd, AssocId) {
    let (server, client, id) = associated(family);
    (client, peel_nonblocking(&server, id), id)
}

fn wait_until_readable(peeled: &OwnedFd) {
    let epoll = watch(peeled, EventFlags::IN);
    wait_until("a message", || !report(&epoll).is_empty());
}

const RESET: Read = Read::Failed(Errno::CONNRESET);

#[test]
fn close_ends_the_association_gracefully() {
    for (client, peeled, _) in FAMILIES.into_iter().map(peeled_off) {
        let messages: Vec<_> = (0..100).map(|number| format!("message {number}")).collect();
        for message in &messages {
            send(&peeled, &Message::new(message, 0, 0)).unwrap();
        }
        drop(peeled);
        for message in &messages {
            assert_eq!(read(&client), data(message));
        }
        assert_eq!(read(&client), Read::EndOfFile);
    }
}

/// The association ends when its last descriptor is closed.
#[test]
fn close_does_not_end_the_association_if_a_duplicate_is_open() {
    let (client, peeled, id) = peeled_off(Family::V4);
    let duplicate = peeled.try_clone().unwrap();
    drop(peeled);
    assert_eq!(assoc_ids(&duplicate).unwrap(), [id]);
    send(&duplicate, &Message::new("still there", 0, 0)).unwrap();
    drop(duplicate);
    assert_eq!(read(&client), data("still there"));
    assert_eq!(read(&client), Read::EndOfFile);
}

/// The abort informs the peer that its data was not read.
#[test]
fn close_with_an_unread_message_aborts() {
    for family in FAMILIES {
        for read_already in [0, 4] {
            let (client, peeled, _) = peeled_off(family);
            send(&client, &Message::new("halfrest", 0, 0)).unwrap();
            wait_until_readable(&peeled);
            let mut part = [0; 4];
            net::recv(&peeled, &mut part[..read_already], RecvFlags::empty()).unwrap();
            drop(peeled);
            assert_eq!(read(&client), RESET, "after {read_already} bytes");
        }
    }
}

#[test]
fn close_with_an_unread_notification_is_graceful() {
    let server = server(Family::V4);
    option::subscribe_ends(&server);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peel(&server, id);
    wait_until_readable(&peeled);
    drop(peeled);
    assert_eq!(read(&client), Read::EndOfFile);
}

#[test]
fn close_with_a_linger_time_of_0_aborts() {
    for (client, peeled, _) in FAMILIES.into_iter().map(peeled_off) {
        option::abort_on_close(&peeled);
        drop(peeled);
        assert_eq!(read(&client), RESET);
    }
}

/// The descriptor stays open and receives the notification that the association has ended.
#[test]
fn sctp_eof_ends_the_association_gracefully() {
    for (client, peeled, _) in FAMILIES.into_iter().map(peeled_off) {
        option::subscribe_ends(&peeled);
        send(&peeled, &Message::new("good-bye", 0, 0)).unwrap();
        send_flags(&peeled, &Message::new("", 0, 0), SCTP_EOF).unwrap();
        assert_eq!(read(&client), data("good-bye"));
        assert_eq!(read(&client), Read::EndOfFile);
        wait_for_end(&peeled);
        assert_eq!(read(&peeled), Read::Change(State::ShutdownComp));
        assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN));
    }
}

/// The kernel rejects further messages during the shutdown.
#[test]
fn send_fails_with_eshutdown_after_sctp_eof() {
    let server = quick_server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peel(&server, id);
    // The peer does not respond, so that the shutdown does not complete.
    option::drop_packets(&client);
    send_flags(&peeled, &Message::new("", 0, 0), SCTP_EOF).unwrap();
    let late = Message::new("too late", 0, 0);
    assert_eq!(send(&peeled, &late), Err(Errno::SHUTDOWN));
    option::let_packets_in(&client);
    assert_eq!(read(&client), Read::EndOfFile);
}

#[test]
fn sctp_abort_aborts_the_association() {
    for (client, peeled, _) in FAMILIES.into_iter().map(peeled_off) {
        send_flags(&peeled, &Message::new("the reason", 0, 0), SCTP_ABORT).unwrap();
        assert_eq!(read(&client), RESET);
        assert_eq!(assoc_ids(&peeled).unwrap(), []);
        assert_eq!(read(&peeled), Read::Failed(Errno::CONNABORTED));
        assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN));
    }
}

/// shutdown(2) affects only reads and epoll events on this side. It sends nothing to the peer,
/// and both sides can still send.
#[test]
fn shutdown_sends_nothing() {
    let half = EventFlags::IN | EventFlags::RDHUP;
    for family in FAMILIES {
        for (how, reported, last) in [
            (Shutdown::Read, half, Read::EndOfFile),
            (Shutdown::Write, EventFlags::empty(), data("after")),
            (Shutdown::Both, half | EventFlags::HUP, Read::EndOfFile),
        ] {
            let (client, peeled, id) = peeled_off(family);
            let epoll = watch(&peeled, INTEREST);
            send(&client, &Message::new("before", 0, 0)).unwrap();
            wait_until("the message", || report(&epoll).contains(EventFlags::IN));
            net::shutdown(&peeled, how).unwrap();

            assert_eq!(read(&peeled), data("before"), "{how:?}");
            assert_eq!(report(&epoll), reported | EventFlags::OUT, "{how:?}");
            assert_eq!(assoc_ids(&peeled).unwrap(), [id], "{how:?}");
            send(&peeled, &Message::new("to the peer", 0, 0)).unwrap();
            assert_eq!(read(&client), data("to the peer"), "{how:?}");

            // The kernel still accepts the peer's next message and discards it after SHUT_RD.
            // The graceful end shows that the message was acknowledged.
            send(&client, &Message::new("after", 0, 0)).unwrap();
            drop(client);
            wait_for_end(&peeled);
            assert_eq!(read(&peeled), last, "{how:?}");
        }
    }
}

/// This is the only use of shutdown(2): it wakes a thread that is blocked in a read. The read
/// then reports end-of-file, which no action of the peer can cause.
#[test]
fn shutdown_wakes_a_blocked_reader() {
    let (server, client, id) = associated(Family::V4);
    let peeled = peel(&server, id);
    let shut_down = || net::shutdown(&peeled, Shutdown::Read).unwrap();
    let woken = blocked(|| read(&peeled), shut_down);
    assert_eq!(woken, Read::EndOfFile);
    assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
    drop(peeled);
    assert_eq!(read(&client), Read::EndOfFile);
}
