//! The options that exist only on Linux.

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;

use crate::adopt;
use crate::assoc_id::AssocId;
use crate::backend::getsockopt;
use crate::flags::PeeloffFlags;
use crate::uapi::{PeeloffArg, PeeloffFlagsArg};

pub use crate::uapi::{SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS};

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF, …)`—Peels off an association into
/// a descriptor without flags.
///
/// # Errors
///
/// | errno | condition | state of the association |
/// |---|---|---|
/// | `EBADF` | not an open descriptor, or opened with `O_PATH` | not affected |
/// | `ENOTSOCK` | not a socket | not affected |
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol, or an emulator or sandbox without SCTP options | not affected |
/// | `EINVAL` | no such association; a one-to-one or peeled-off socket; a socket of another network namespace | not affected |
/// | `EBUSY` | a sender is blocked on the association (kernels from about 4.10 to about 4.14) | not affected |
/// | `EMFILE`, `ENFILE` | no descriptor is free | **terminated** |
/// | `ENOMEM`, `ENOBUFS` | out of memory | not affected or **terminated** |
/// | `EFAULT` | the kernel cannot read the argument, or cannot write the result | not affected or **terminated** |
/// | `EPERM`, `EACCES` | denied by a security module, seccomp or a cgroup BPF program | unknown |
/// | `EBADMSG` | a cgroup BPF program (Linux 5.3 to 6.4) or a seccomp filter has overwritten the result | unknown |
///
/// Any other errno comes from a seccomp filter, and the state of the association is unknown.
#[doc(alias = "SCTP_SOCKOPT_PEELOFF")]
#[doc(alias = "sctp_peeloff")]
#[inline]
pub fn peeloff(socket: impl AsFd, assoc: AssocId) -> Result<OwnedFd, Errno> {
    adopt::peeloff::<PeeloffArg>(socket.as_fd(), assoc, PeeloffFlags::empty())
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, …)`—Peels off an
/// association into a descriptor with flags.
///
/// The option exists on Linux 4.13 and later ([commit 2cb5c8e378d1]). The kernel ignores
/// bits that are not [`PeeloffFlags`].
///
/// # Errors
///
/// The errors of [`peeloff`]. On kernels before 4.13 this function fails with
/// `ENOPROTOOPT`, and the association is not affected.
///
/// [commit 2cb5c8e378d1]: https://git.kernel.org/torvalds/c/2cb5c8e378d1
#[doc(alias = "SCTP_SOCKOPT_PEELOFF_FLAGS")]
#[doc(alias = "sctp_peeloff_flags")]
#[inline]
pub fn peeloff_flags(
    socket: impl AsFd,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Errno> {
    adopt::peeloff::<PeeloffFlagsArg>(socket.as_fd(), assoc, flags)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, NULL, 0)`—Returns whether
/// the kernel has the option that [`peeloff_flags`] uses.
///
/// The call changes nothing, because an argument of 0 bytes is too short. If the kernel has
/// the option, it returns `EINVAL`, and otherwise `ENOPROTOOPT`. The socket must be an SCTP
/// socket; for other protocols the result has no meaning.
///
/// # Errors
///
/// `EBADF`, `ENOTSOCK`, `EOPNOTSUPP`, and the errors of a security module.
pub fn has_peeloff_flags(socket: impl AsFd) -> Result<bool, Errno> {
    let socket = socket.as_fd().as_raw_fd();
    match getsockopt(socket, SCTP_SOCKOPT_PEELOFF_FLAGS, &mut [0_u32; 0]) {
        Ok(_) | Err(Errno::INVAL) => Ok(true),
        Err(Errno::NOPROTOOPT) => Ok(false),
        Err(errno) => Err(errno),
    }
}
