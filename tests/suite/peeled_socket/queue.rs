//! Notifications and a half-read message that are queued at the time of the peel-off.
//! `tests/suite/peeloff.rs` tests queued messages.

use rustix::io::Errno;
use rustix::net::{self, RecvFlags};

use super::{Read, State, data, peel_nonblocking, read};
use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, associate, associated, option, server};

#[test]
fn peeloff_moves_notifications_in_order() {
    for family in FAMILIES {
        let server = server(family);
        option::subscribe_ends(&server);
        let (client, id) = associate(family, &server);
        let (other, other_id) = associate(family, &server);
        for text in ["one", "two"] {
            send(&client, &Message::new(text, 0, 0)).unwrap();
            send(&other, &Message::new("another's", 0, 0)).unwrap();
        }
        let peeled = peel_nonblocking(&server, id);
        assert_eq!(read(&peeled), Read::Change(State::CommUp));
        assert_eq!(read(&peeled), data("one"));
        assert_eq!(read(&peeled), data("two"));
        assert_eq!(read(&peeled), Read::Failed(Errno::AGAIN));
        // The notification and the messages of the other association stay, in order.
        assert_eq!(read(&server), Read::Change(State::CommUp));
        for _ in 0..2 {
            let expected = Message::new("another's", 0, 0).to(other_id);
            assert_eq!(receive(&server), Ok(expected));
        }
    }
}

#[test]
fn peeloff_moves_the_rest_of_a_half_read_message() {
    for (server, client, id) in FAMILIES.into_iter().map(associated) {
        send(&client, &Message::new("halfrest", 1, 7)).unwrap();
        send(&client, &Message::new("next", 2, 8)).unwrap();
        let mut half = [0; 4];
        net::recv(&server, &mut half, RecvFlags::empty()).unwrap();
        assert_eq!(&half, b"half");
        let peeled = peel_nonblocking(&server, id);
        for (text, stream, ppid) in [("rest", 1, 7), ("next", 2, 8)] {
            let expected = Message::new(text, stream, ppid).to(id);
            assert_eq!(receive(&peeled), Ok(expected));
        }
        assert_eq!(receive(&peeled), Err(Errno::AGAIN));
    }
}
