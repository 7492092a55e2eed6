//! The events that edge-triggered epoll reports.

use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use super::harness::pair;
use crate::support::epoll::{report, watch};
use crate::support::message::{Message, receive, send, wait_until_acknowledged};
use crate::support::{FAMILIES, wait_for, wait_until};

fn level(socket: &OwnedFd) -> EventFlags {
    report(&watch(socket, EventFlags::IN | EventFlags::OUT))
}

/// Sends each number in a separate message. Waits until all messages have arrived.
fn send_all(client: &OwnedFd, numbers: Range<u8>) {
    for number in numbers {
        send(client, &Message::new([number], 0, 0)).unwrap();
    }
    wait_until_acknowledged(client);
}

#[test]
fn epoll_reports_one_edge_for_many_messages() {
    for family in FAMILIES {
        let (peeled, client) = pair(family);
        let epoll = watch(&peeled, EventFlags::IN | EventFlags::ET);
        send_all(&client, 0..3);
        assert_eq!(report(&epoll), EventFlags::IN);
        assert_eq!(receive(&peeled).unwrap().data, [0]);
        assert_eq!(report(&epoll), EventFlags::empty());
        assert!(level(&peeled).contains(EventFlags::IN));

        send_all(&client, 3..4);
        assert_eq!(report(&epoll), EventFlags::IN);
        for number in 1..4 {
            assert_eq!(receive(&peeled).unwrap().data, [number]);
        }
        assert_eq!(receive(&peeled), Err(Errno::AGAIN));
    }
}

#[test]
fn epoll_reports_in_and_out_if_room_to_send_appears_while_a_message_is_unread() {
    for family in FAMILIES {
        let (peeled, client) = pair(family);
        send_all(&client, 0..1);
        let much = Message::new([0; 1000], 0, 0);
        wait_until("a full send buffer", || {
            while send(&peeled, &much).is_ok() {}
            level(&peeled) == EventFlags::IN
        });
        let epoll = watch(&peeled, EventFlags::IN | EventFlags::OUT | EventFlags::ET);
        assert!(report(&epoll).contains(EventFlags::IN));

        let edge = wait_for("room", || {
            receive(&client).unwrap();
            Some(report(&epoll)).filter(|edge| !edge.is_empty())
        });
        assert_eq!(edge, EventFlags::IN | EventFlags::OUT);
        assert_eq!(send(&peeled, &much), Ok(()));
    }
}
