//! Each error, and what it says of the association.
//!
//! A new test goes to the module that makes the call fail in the same way.

use std::os::fd::OwnedFd;

use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::message::receive;

/// No file descriptor is available: the limits of process and system.
mod descriptor_limit;
/// A seccomp filter returns the errno.
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
mod injected;
/// What becomes of an error in `std::io::Error`.
mod io_error;
/// The kernel has no memory.
mod out_of_memory;
/// A cgroup BPF program overwrites the result, in every combination.
mod overwritten_result;
/// The descriptor, the id or the peer is not one that can be peeled off.
mod sockets;

/// A function that peels off.
type Peeloff = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Error>;

/// They fail in the same way.
const WAYS: [Peeloff; 2] = [
    |server, id| peeloff(server, id),
    |server, id| peeloff_flags(server, id, PeeloffFlags::all()),
];

/// The one-to-many socket no longer has it, and the peer has seen it end.
fn gone(server: &OwnedFd, client: &OwnedFd, id: AssocId) {
    assert!(!assoc_ids(server).unwrap().contains(&id));
    assert_eq!(receive(client).map(|message| message.data), Ok(vec![]));
}
