//! Each error, and its effect on the association.
//!
//! A new test belongs in the module that causes the failure in the same way.

use std::os::fd::OwnedFd;

use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::message::expect_end_of_file;

/// No file descriptor is available: the limits of the process and of the system.
mod descriptor_limit;
/// A seccomp filter returns the errno.
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
mod injected;
/// The conversion to `std::io::Error`.
mod io_error;
/// The kernel cannot allocate memory.
mod out_of_memory;
/// A cgroup BPF program overwrites the result, in all combinations.
mod overwritten_result;
/// The file descriptor, the association id or the peer address is unsuitable.
mod sockets;

/// A function that peels off.
type Peeloff = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Error>;

/// Both functions fail with the same errors.
const FUNCTIONS: [Peeloff; 2] = [
    |server, id| peeloff(server, id),
    |server, id| peeloff_flags(server, id, PeeloffFlags::all()),
];

/// Checks that the association is no longer on the one-to-many socket, and that the peer has
/// received a SHUTDOWN.
fn expect_terminated(server: &OwnedFd, client: &OwnedFd, id: AssocId) {
    assert!(!assoc_ids(server).unwrap().contains(&id));
    expect_end_of_file(client);
}
