//! The results of reads, sends and epoll after the end of a peeled-off association. A read
//! never reports end-of-file.

use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use sctp_peeloff::assoc_ids;

use super::{
    INTEREST, Read, State, blocked, data, peel, peel_nonblocking, quick_server, read, report,
    wait_for_end, watch,
};
use crate::support::message::{Message, send};
use crate::support::{FAMILIES, Family, associate, option, wait_until};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Closes,
    Aborts,
    /// Receives no more packets.
    Vanishes,
}

const PEERS: [Peer; 3] = [Peer::Closes, Peer::Aborts, Peer::Vanishes];

impl Peer {
    /// Ends the association and waits until it has ended.
    fn end(self, client: OwnedFd, peeled: &OwnedFd) {
        match self {
            Self::Closes => drop(client),
            Self::Aborts => {
                option::abort_on_close(&client);
                drop(client);
            }
            Self::Vanishes => {
                option::drop_packets(&client);
                // The close of the client must not wait for a response.
                option::abort_on_close(&client);
                // The retransmissions of this message fail. Without a message, only the
                // heartbeats would detect that the peer has vanished.
                send(peeled, &Message::new("anyone?", 0, 0)).unwrap();
            }
        }
        // A client that vanishes is closed only after the end of the association.
        wait_for_end(peeled);
    }

    /// The reads that report the end: the notifications and the pending error.
    fn reads(self, subscribed: Subscribed) -> Vec<Read> {
        let mut reads = match self {
            _ if subscribed == Subscribed::Never => vec![],
            Self::Closes => vec![Read::Shutdown, Read::Change(State::ShutdownComp)],
            Self::Aborts | Self::Vanishes => vec![Read::Change(State::CommLost)],
        };
        reads.extend(self.errno().map(Read::Failed));
        reads
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
    /// On the one-to-many socket, before the peel-off.
    Before,
    /// On the peeled-off socket.
    After,
}

const SUBSCRIBED: [Subscribed; 3] = [Subscribed::Never, Subscribed::Before, Subscribed::After];

/// A server that gives up a peer after one retransmission.
fn impatient_server(family: Family) -> OwnedFd {
    let server = quick_server(family);
    let retransmissions = [1, 0].map(u16::to_ne_bytes).concat();
    let retransmissions = i32::from_ne_bytes(retransmissions.try_into().unwrap());
    let parameters = [0, retransmissions, 0, 0, 0];
    option::set_words(&server, libc::SCTP_ASSOCINFO, &parameters);
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
        Subscribed::Before => assert_eq!(read(&peeled), Read::Change(State::CommUp)),
        Subscribed::After => option::subscribe_ends(&peeled),
    }
    (client, peeled)
}

/// Calls the body for each address family, each way to end and each subscription.
fn each(mut body: impl FnMut(Family, Peer, Subscribed)) {
    for family in FAMILIES {
        for peer in PEERS {
            for subscribed in SUBSCRIBED {
                body(family, peer, subscribed);
            }
        }
    }
}

/// Reads return the notifications, then the pending error once. Every later read fails with
/// `EAGAIN`.
#[test]
fn nonblocking_read_never_reports_end_of_file() {
    each(|family, peer, subscribed| {
        let (client, peeled) = peeled_off(family, subscribed, peel_nonblocking);
        let epoll = watch(&peeled, INTEREST);
        assert_eq!(report(&epoll), EventFlags::OUT);
        peer.end(client, &peeled);

        let case = format!("{family:?}, {peer:?}, subscribed {subscribed:?}");
        let mut error = EventFlags::empty();
        error.set(EventFlags::ERR, peer.errno().is_some());
        for expected in peer.reads(subscribed) {
            let mut reported = EventFlags::OUT | error;
            reported.set(EventFlags::IN, !matches!(expected, Read::Failed(_)));
            assert_eq!(report(&epoll), reported, "{case}");
            assert_eq!(read(&peeled), expected, "{case}");
        }
        // epoll reports neither IN nor RDHUP nor HUP.
        for _ in 0..3 {
            assert_eq!(report(&epoll), EventFlags::OUT, "{case}");
            assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN), "{case}");
        }
        assert_eq!(assoc_ids(&peeled).unwrap(), [], "{case}");
    });
}

#[test]
fn blocking_read_fails_with_enotconn_after_the_end() {
    each(|family, peer, subscribed| {
        let (client, peeled) = peeled_off(family, subscribed, peel);
        let read_5 = || (0..5).map(|_| read(&peeled)).collect();
        let reads: Vec<Read> = blocked(read_5, || peer.end(client, &peeled));
        let mut expected = peer.reads(subscribed);
        // Each later read fails without blocking.
        expected.resize(5, Read::Failed(Errno::NOTCONN));
        assert_eq!(reads, expected, "{family:?}, {peer:?}, {subscribed:?}");
    });
}

/// Without a subscription, a graceful end is at most one more `EPOLLOUT`.
#[test]
fn edge_triggered_epoll_reports_the_end_once() {
    for family in FAMILIES {
        for peer in [Peer::Closes, Peer::Aborts] {
            for subscribed in [false, true] {
                for out in [EventFlags::empty(), EventFlags::OUT] {
                    let (client, peeled) = peeled_off(family, Subscribed::Never, peel_nonblocking);
                    if subscribed {
                        option::subscribe_assoc_change(&peeled);
                    }
                    let interest = EventFlags::IN | EventFlags::RDHUP | out;
                    let epoll = watch(&peeled, interest | EventFlags::ET);
                    assert_eq!(report(&epoll), out);
                    peer.end(client, &peeled);
                    let mut expected = out;
                    expected.set(EventFlags::IN, subscribed);
                    expected.set(EventFlags::ERR, peer == Peer::Aborts);
                    assert_eq!(report(&epoll), expected, "{peer:?}, {subscribed}");
                    assert_eq!(report(&epoll), EventFlags::empty());
                }
            }
        }
    }
}

/// The end is reported after all messages that have arrived.
#[test]
fn read_returns_messages_before_the_end() {
    for family in FAMILIES {
        for peer in [Peer::Closes, Peer::Aborts] {
            let (client, peeled) = peeled_off(family, Subscribed::After, peel_nonblocking);
            let epoll = watch(&peeled, EventFlags::IN);
            send(&client, &Message::new("last words", 0, 0)).unwrap();
            // An abort discards messages that have not arrived yet.
            wait_until("the message", || !report(&epoll).is_empty());
            peer.end(client, &peeled);
            assert_eq!(read(&peeled), data("last words"));
            for expected in peer.reads(Subscribed::After) {
                assert_eq!(read(&peeled), expected);
            }
            assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN));
        }
    }
}

/// If the subscription is made after the end, only `assoc_ids` reports the end.
#[test]
fn subscription_after_the_end_reports_nothing() {
    let (client, peeled) = peeled_off(Family::V4, Subscribed::Never, peel_nonblocking);
    Peer::Closes.end(client, &peeled);
    option::subscribe_ends(&peeled);
    assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN));
    assert_eq!(assoc_ids(&peeled).unwrap(), []);
}

/// The first send fails with the pending error, if there is one. Later sends fail with
/// `EPIPE`.
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
