//! One-to-many sockets with many associations or messages.

use std::os::fd::{AsFd, OwnedFd};

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{SendFlags, send};
use sctp_peeloff::AssocId;
use sctp_peeloff::sockopt::SOL_SCTP;

use crate::support::option::{self, SCTP_NODELAY};
use crate::support::{Family, associate, server, wait_for};

pub(crate) const ASSOCIATIONS: [usize; 4] = [10, 100, 1_000, 10_000];
pub(crate) const MESSAGES: [usize; 4] = [0, 100, 1_000, 10_000];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Own,
    Another,
}

pub(crate) const WHOSE: [(&str, Whose); 2] =
    [("its own", Whose::Own), ("another's", Whose::Another)];

/// An association to be peeled off, and a socket with messages in its receive queue.
pub(crate) struct Queue {
    pub(crate) server: OwnedFd,
    pub(crate) id: AssocId,
    _clients: [OwnedFd; 2],
}

impl Queue {
    pub(crate) fn new(number: usize, whose: Whose) -> Self {
        let server = server(Family::V4);
        set_socket_recv_buffer_size_force(&server, 64 << 20).expect("a buffer");
        let (own, id) = associate(Family::V4, &server);
        let (another, other_id) = associate(Family::V4, &server);
        let (sender, of) = match whose {
            Whose::Own => (&own, id),
            Whose::Another => (&another, other_id),
        };
        let on = 1_i32.to_ne_bytes();
        option::set(sender.as_fd(), SOL_SCTP, SCTP_NODELAY, &on).expect("SCTP_NODELAY");
        for _ in 0..number {
            send(sender, b"m", SendFlags::empty()).expect("a message");
        }
        wait_for("the messages", || {
            (received(&server, of) == number as u64).then_some(())
        });
        Self {
            server,
            id,
            _clients: [own, another],
        }
    }
}

/// The number of DATA chunks that the association has received. Each chunk is one message.
fn received(server: &OwnedFd, id: AssocId) -> u64 {
    const SCTP_GET_ASSOC_STATS: i32 = 112;
    // `struct sctp_assoc_stats` has the id, an address and fifteen 64-bit counters. The
    // counter of received ordered DATA chunks is at offset 232.
    let mut stats = [0; 256];
    stats[..4].copy_from_slice(&id.as_raw().to_ne_bytes());
    option::get(server.as_fd(), SOL_SCTP, SCTP_GET_ASSOC_STATS, &mut stats).expect("statistics");
    let ordered = stats[232..240].try_into().expect("eight bytes");
    u64::from_ne_bytes(ordered)
}
