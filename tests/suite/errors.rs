//! Each error, and what it says of the association.
//!
//! A new test goes to the module that makes the call fail in the same way.

use std::os::fd::OwnedFd;

use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::message::{Message, receive, send};

/// A cgroup BPF program overwrites the result.
mod cgroup_bpf;
/// No file descriptor is available: the limits of process and system.
mod descriptor_limit;
/// A seccomp filter returns the errno.
mod injected;
/// The kernel has no memory.
mod out_of_memory;
/// The descriptor, the id or the peer is not one that can be peeled off.
mod sockets;

/// A function that peels off.
type Peeloff = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Error>;

/// They fail in the same way.
const WAYS: [Peeloff; 2] = [
    |server, id| peeloff(server, id),
    |server, id| peeloff_flags(server, id, PeeloffFlags::all()),
];

fn alive(socket: &OwnedFd, client: &OwnedFd, id: AssocId) {
    assert!(assoc_ids(socket).unwrap().contains(&id));
    send(client, &Message::new("alive", 0, 0)).unwrap();
    assert_eq!(receive(socket).unwrap().data, b"alive");
    send(socket, &Message::new("so am I", 0, 0).to(id)).unwrap();
    assert_eq!(receive(client).unwrap().data, b"so am I");
}

/// The one-to-many socket no longer has it, and the peer has seen it end.
fn gone(server: &OwnedFd, client: &OwnedFd, id: AssocId) {
    assert!(!assoc_ids(server).unwrap().contains(&id));
    assert_eq!(receive(client).map(|message| message.data), Ok(vec![]));
}
