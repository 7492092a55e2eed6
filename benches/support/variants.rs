//! The ways to get a socket for one association, each as a function.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use linux_syscall::{ResultSize as _, SYS_getsockopt, syscall};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::net::{SocketFlags, accept_with};
use sctp_peeloff::{AssocId, PeeloffFlags, sockopt};

pub type Way = fn(&OwnedFd, AssocId) -> OwnedFd;

pub const FLAGS: PeeloffFlags = PeeloffFlags::NONBLOCK.union(PeeloffFlags::CLOEXEC);

/// The name, the way, and the name of the baseline.
pub type Variant = (&'static str, Way, &'static str);

pub const BARE_FLAGS: Variant = ("bare PEELOFF_FLAGS", bare_flags, "bare PEELOFF_FLAGS");
pub const RAW_FLAGS: Variant = ("sockopt::peeloff_flags", raw_flags, BARE_FLAGS.0);
pub const BARE_PLAIN: Variant = ("bare PEELOFF", bare_plain, "bare PEELOFF");
pub const RAW_PLAIN: Variant = ("sockopt::peeloff", raw_plain, BARE_PLAIN.0);
pub const GUARDED: Variant = ("peeloff_flags", guarded, BARE_FLAGS.0);
const NAIVE: Variant = ("naive", naive, BARE_FLAGS.0);

/// The bare calls come first.
pub const WAYS: [Variant; 6] = [BARE_FLAGS, BARE_PLAIN, RAW_FLAGS, RAW_PLAIN, GUARDED, NAIVE];

/// The words of the option's value are the id, the space for the new descriptor, and the flags.
fn bare<const N: usize>(server: &OwnedFd, option: i32, mut words: [u32; N]) -> OwnedFd {
    let (socket, level) = (server.as_raw_fd(), sockopt::SOL_SCTP);
    let mut length = u32::try_from(size_of_val(&words)).expect("a short value");
    let (value, length) = (words.as_mut_ptr(), &raw mut length);
    // SAFETY: the kernel writes at most `length` bytes, the size of `words`, and returns a new
    // descriptor, which no other value owns.
    unsafe {
        let returned = syscall!(SYS_getsockopt, socket, level, option, value, length);
        let fd = returned.try_usize().expect("peeled off");
        OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor"))
    }
}

fn bare_flags(server: &OwnedFd, id: AssocId) -> OwnedFd {
    let words = [id.as_raw() as u32, 0, FLAGS.bits()];
    bare(server, sockopt::SCTP_SOCKOPT_PEELOFF_FLAGS, words)
}

fn bare_plain(server: &OwnedFd, id: AssocId) -> OwnedFd {
    let words = [id.as_raw() as u32, 0];
    bare(server, sockopt::SCTP_SOCKOPT_PEELOFF, words)
}

fn raw_flags(server: &OwnedFd, id: AssocId) -> OwnedFd {
    sockopt::peeloff_flags(server.as_fd(), id, FLAGS).expect("peeled off")
}

fn raw_plain(server: &OwnedFd, id: AssocId) -> OwnedFd {
    sockopt::peeloff(server.as_fd(), id).expect("peeled off")
}

fn guarded(server: &OwnedFd, id: AssocId) -> OwnedFd {
    sctp_peeloff::peeloff_flags(server, id, FLAGS).expect("peeled off")
}

/// Checks in every call whether the kernel supports the flags option, and reads the flags
/// before it sets them.
fn naive(server: &OwnedFd, id: AssocId) -> OwnedFd {
    sockopt::has_peeloff_flags(server.as_fd()).expect("an SCTP socket");
    let peeled = sockopt::peeloff(server.as_fd(), id).expect("peeled off");
    let flags = fcntl_getfd(&peeled).expect("flags");
    fcntl_setfd(&peeled, flags | FdFlags::CLOEXEC).expect("flags");
    let flags = fcntl_getfl(&peeled).expect("flags");
    fcntl_setfl(&peeled, flags | OFlags::NONBLOCK).expect("flags");
    peeled
}

/// The corresponding call of a one-to-one server.
pub fn accept(listener: &OwnedFd) -> OwnedFd {
    accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC).expect("accepted")
}
