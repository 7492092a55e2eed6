//! How the end of a peeled-off association is noticed. There is no end-of-file.

use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use sctp_peeloff::assoc_ids;

use super::{
    INTEREST, Read, State, blocked, data, peel, peel_nonblocking, quick_server, read, report,
    wait_for_end, watch,
};
use crate::support::message::{Message, send};
use crate::support::{FAMILIES, Family, associate, option, server, wait_for};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Closes,
    Aborts,
    /// Takes no packet in any more.
    Vanishes,
}

const PEERS: [Peer; 3] = [Peer::Closes, Peer::Aborts, Peer::Vanishes];

impl Peer {
    /// Returns once the association has ended.
    fn end(self, client: OwnedFd, peeled: &OwnedFd) {
        match self {
            Self::Closes => drop(client),
            Self::Aborts => {
                option::abort_on_close(&client);
                drop(client);
            }
            Self::Vanishes => {
                option::drop_packets(&client);
                // So that its own close will not wait for an answer.
                option::abort_on_close(&client);
                // Without a message, the end is that of the heartbeats.
                send(peeled, &Message::new("anyone?", 0, 0)).unwrap();
            }
        }
        // A client that vanishes is there until here.
        wait_for_end(peeled);
    }

    fn notifications(self) -> &'static [Read] {
        match self {
            Self::Closes => &[Read::Shutdown, Read::Change(State::ShutdownComplete)],
            Self::Aborts | Self::Vanishes => &[Read::Change(State::Lost)],
        }
    }

    fn errno(self) -> Option<Errno> {
        match self {
            Self::Closes => None,
            Self::Aborts => Some(Errno::CONNRESET),
            Self::Vanishes => Some(Errno::TIMEDOUT),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subscribed {
    Never,
    /// On the one-to-many socket.
    Before,
    /// On the peeled-off one.
    After,
}

const SUBSCRIBED: [Subscribed; 3] = [Subscribed::Never, Subscribed::Before, Subscribed::After];

/// A server that gives a peer up after one retransmission.
fn impatient_server(family: Family) -> OwnedFd {
    let server = quick_server(family);
    let retransmissions = [1, 0].map(u16::to_ne_bytes).concat();
    let retransmissions = i32::from_ne_bytes(retransmissions.try_into().unwrap());
    option::set_words(
        &server,
        libc::SCTP_ASSOCINFO,
        &[0, retransmissions, 0, 0, 0],
    );
    server
}

fn peeled_off(
    family: Family,
    subscribed: Subscribed,
    peel: fn(&OwnedFd, sctp_peeloff::AssocId) -> OwnedFd,
) -> (OwnedFd, OwnedFd) {
    let server = impatient_server(family);
    if subscribed == Subscribed::Before {
        option::subscribe_ends(&server);
    }
    let (client, id) = associate(family, &server);
    let peeled = peel(&server, id);
    match subscribed {
        Subscribed::Never => {}
        Subscribed::Before => assert_eq!(read(&peeled), Read::Change(State::Up)),
        Subscribed::After => option::subscribe_ends(&peeled),
    }
    (client, peeled)
}

/// Every way to end, with and without a subscription.
fn each(mut body: impl FnMut(Family, Peer, Subscribed)) {
    for family in FAMILIES {
        for peer in PEERS {
            for subscribed in SUBSCRIBED {
                body(family, peer, subscribed);
            }
        }
    }
}

/// Notifications, the pending error once, and then nothing for ever.
#[test]
fn nonblocking_read_never_reports_end_of_file() {
    each(|family, peer, subscribed| {
        let (client, peeled) = peeled_off(family, subscribed, peel_nonblocking);
        let epoll = watch(&peeled, INTEREST);
        assert_eq!(report(&epoll), EventFlags::OUT);
        peer.end(client, &peeled);

        let what = format!("{family:?}, {peer:?}, subscribed {subscribed:?}");
        let error = if peer.errno().is_some() {
            EventFlags::ERR
        } else {
            EventFlags::empty()
        };
        if subscribed != Subscribed::Never {
            for notification in peer.notifications() {
                let reported = EventFlags::IN | EventFlags::OUT | error;
                assert_eq!(report(&epoll), reported, "{what}");
                assert_eq!(read(&peeled), *notification, "{what}");
            }
        }
        if let Some(errno) = peer.errno() {
            assert_eq!(report(&epoll), EventFlags::OUT | error, "{what}");
            assert_eq!(read(&peeled), Read::Failed(errno), "{what}");
        }
        // Neither IN nor RDHUP nor HUP, though all were asked for.
        for _ in 0..3 {
            assert_eq!(report(&epoll), EventFlags::OUT, "{what}");
            assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN), "{what}");
        }
        assert_eq!(assoc_ids(&peeled).unwrap(), [], "{what}");
    });
}

#[test]
fn blocking_read_fails_with_enotconn_after_the_end() {
    each(|family, peer, subscribed| {
        let (client, peeled) = peeled_off(family, subscribed, peel);
        let reads: Vec<Read> = blocked(
            || (0..5).map(|_| read(&peeled)).collect(),
            || peer.end(client, &peeled),
        );
        let mut expected = Vec::new();
        if subscribed != Subscribed::Never {
            expected.extend_from_slice(peer.notifications());
        }
        expected.extend(peer.errno().map(Read::Failed));
        // What is told once has been told; each read from here on fails at once.
        expected.resize(5, Read::Failed(Errno::NOTCONN));
        assert_eq!(reads, expected, "{family:?}, {peer:?}, {subscribed:?}");
    });
}

/// An edge-triggered epoll wakes for room to write, which is no news, and for
/// nothing else.
#[test]
fn edge_triggered_epoll_reports_no_end_without_subscription() {
    for (interest, reported) in [
        (INTEREST, EventFlags::OUT),
        (EventFlags::IN | EventFlags::RDHUP, EventFlags::empty()),
    ] {
        let (client, peeled) = peeled_off(Family::V4, Subscribed::Never, peel_nonblocking);
        let epoll = watch(&peeled, interest | EventFlags::ET);
        report(&epoll);
        assert_eq!(report(&epoll), EventFlags::empty());
        Peer::Closes.end(client, &peeled);
        assert_eq!(report(&epoll), reported, "{interest:?}");
    }
}

/// The end is told behind all that the peer had sent.
#[test]
fn read_returns_messages_before_the_end() {
    for family in FAMILIES {
        for peer in [Peer::Closes, Peer::Aborts] {
            let (client, peeled) = peeled_off(family, Subscribed::After, peel_nonblocking);
            let epoll = watch(&peeled, EventFlags::IN);
            send(&client, &Message::new("last words", 0, 0)).unwrap();
            // An abort throws away what is still on its way.
            wait_for("them", || (!report(&epoll).is_empty()).then_some(()));
            peer.end(client, &peeled);
            assert_eq!(read(&peeled), data("last words"));
            for notification in peer.notifications() {
                assert_eq!(read(&peeled), *notification);
            }
            let last = peer.errno().unwrap_or(Errno::AGAIN);
            assert_eq!(read(&peeled), Read::Failed(last));
        }
    }
}

/// A subscription that comes after the end is told nothing: hence `assoc_ids`.
#[test]
fn subscription_reports_no_end_that_was_before_it() {
    let (client, peeled) = peeled_off(Family::V4, Subscribed::Never, peel_nonblocking);
    Peer::Closes.end(client, &peeled);
    option::subscribe_ends(&peeled);
    assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN));
    assert_eq!(assoc_ids(&peeled).unwrap(), []);
}

/// A send says the pending error, and after that that there is no association.
#[test]
fn send_fails_with_epipe_after_the_end() {
    for peer in PEERS {
        let (client, peeled) = peeled_off(Family::V4, Subscribed::Never, peel_nonblocking);
        peer.end(client, &peeled);
        let message = Message::new("lost", 0, 0);
        if let Some(errno) = peer.errno() {
            assert_eq!(send(&peeled, &message), Err(errno), "{peer:?}");
        }
        for _ in 0..2 {
            assert_eq!(send(&peeled, &message), Err(Errno::PIPE), "{peer:?}");
        }
    }
}

/// By the kernel itself, after some seconds without messages.
#[test]
fn autoclose_ends_a_peeled_off_association() {
    let server = server(Family::V4);
    option::set_words(&server, libc::SCTP_AUTOCLOSE, &[3]);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peel(&server, id);
    assert_eq!(read(&client), Read::EndOfFile);
    wait_for_end(&peeled);
    assert_eq!(read(&peeled), Read::Failed(Errno::NOTCONN));
}
