//! A message may arrive in parts even if the buffer is long enough for the whole message.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{self, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags};

use super::harness::pair;
use super::inbox::{Event, Inbox};
use crate::support::{FAMILIES, wait_for};

/// A message of this length does not fit into one packet. It fits into every buffer of these
/// tests. Two such messages do not fit into the receive buffer of a socket.
const LONG: usize = 150_000;

/// Sends messages until there is no more room and gives them time to arrive. Each message
/// consists of a different byte.
fn fill(client: &OwnedFd, next: &mut u8) {
    loop {
        let message = vec![*next; LONG];
        match net::send(client, &message, SendFlags::DONTWAIT) {
            Ok(_) => *next = next.wrapping_add(1),
            Err(errno) => {
                assert_eq!(errno, Errno::AGAIN);
                break sleep(Duration::from_millis(20));
            }
        }
    }
}

#[test]
fn recvmsg_may_return_a_part_with_room_for_the_message() {
    for family in FAMILIES {
        let (peeled, client) = pair(family);
        let (mut buffer, mut ancillary) = (vec![0; 2 * LONG], RecvAncillaryBuffer::default());
        let mut next = 0;
        wait_for("a part", || {
            fill(&client, &mut next);
            let mut buffers = [IoSliceMut::new(&mut buffer)];
            match net::recvmsg(&peeled, &mut buffers, &mut ancillary, RecvFlags::empty()) {
                Err(Errno::AGAIN) => None,
                got => (!got.unwrap().flags.contains(ReturnFlags::EOR)).then_some(()),
            }
        });
    }
}

#[test]
fn inbox_returns_whole_messages() {
    for family in FAMILIES {
        let (peeled, client) = pair(family);
        let (mut inbox, mut next) = (Inbox::new(), 0);
        for number in 0..4 {
            let message = wait_for("a message", || {
                if next < 4 {
                    fill(&client, &mut next);
                }
                match inbox.receive(&peeled) {
                    Ok(Event::Message(message)) => Some(message.data),
                    _ => None,
                }
            });
            assert!(message == vec![number; LONG], "not message {number}");
        }
    }
}
