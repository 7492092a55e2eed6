//! The kernel's options, one function each, and each exactly one `getsockopt`.
//!
//! Nothing stands before the call or after it: no guard, no fallback, no
//! diagnosis, and what the kernel answers comes out as an [`Errno`]. This is for
//! those who count system calls. **At the descriptor limit [`peeloff`] and
//! [`peeloff_flags`] of this module lose the association**; those at the crate's
//! root do not.
//!
//! Where a peel-off is answered by 0, or by `EFAULT` with a number, one more call asks
//! that descriptor whether it is the new one.
//!
//! # References
//!
//! - [`net/sctp/socket.c`], `sctp_getsockopt`
//! - [`include/uapi/linux/sctp.h`], the numbers and the structs
//! - [RFC 6458], the sockets API for SCTP
//!
//! [`net/sctp/socket.c`]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/sctp/socket.c
//! [`include/uapi/linux/sctp.h`]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/sctp.h
//! [RFC 6458]: https://www.rfc-editor.org/rfc/rfc6458

use core::ffi::c_int;
use core::net::SocketAddr;

use rustix::fd::{BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;

use crate::backend;
use crate::layout::{PeeloffArg, PeeloffFlagsArg, PeerAddrInfo, Status};
use crate::{AssocId, PeeloffFlags};

pub use crate::layout::{
    SCTP_GET_ASSOC_ID_LIST, SCTP_GET_ASSOC_NUMBER, SCTP_GET_PEER_ADDR_INFO, SCTP_SOCKOPT_PEELOFF,
    SCTP_SOCKOPT_PEELOFF_FLAGS, SCTP_STATUS, SOL_SCTP,
};

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF, …)`—Peels an association
/// off into a descriptor with no flags.
///
/// # Errors
///
/// | errno | when | the association |
/// |---|---|---|
/// | `EBADF` | not an open descriptor, or an `O_PATH` one | untouched |
/// | `ENOTSOCK` | not a socket | untouched |
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol | untouched |
/// | `EINVAL` | no such association; a one-to-one or peeled-off socket; a socket of another network namespace | untouched |
/// | `EBUSY` | a sender is blocked on it (kernels around 4.10 to 4.14) | untouched |
/// | `EMFILE`, `ENFILE` | no descriptor is free | **destroyed** |
/// | `ENOMEM`, `ENOBUFS` | no memory | untouched or **destroyed** |
/// | `EFAULT` | the value cannot be read, or written back | untouched, or **destroyed** |
/// | `EPERM`, `EACCES` | a security module, seccomp or a cgroup's program | untouched |
/// | `EBADMSG` | a cgroup's program put 0 in place of the answer (Linux 5.3 to 6.4) | unknown: if peeled off, its descriptor is |
#[doc(alias = "SCTP_SOCKOPT_PEELOFF")]
#[doc(alias = "sctp_peeloff")]
#[inline]
pub fn peeloff(socket: BorrowedFd<'_>, assoc: AssocId) -> Result<OwnedFd, Errno> {
    let mut arg = PeeloffArg::new(assoc);
    let returned = backend::getsockopt(socket, SCTP_SOCKOPT_PEELOFF, &mut arg);
    adopt(returned, arg, assoc)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, …)`—Peels an
/// association off into a descriptor with these flags.
///
/// Since Linux 4.13, [commit 2cb5c8e378d1]. The kernel ignores bits that are no
/// [`PeeloffFlags`].
///
/// # Errors
///
/// Those of [`peeloff`], and `ENOPROTOOPT` on a kernel before 4.13, where the
/// association is untouched.
///
/// [commit 2cb5c8e378d1]: https://git.kernel.org/torvalds/c/2cb5c8e378d1
#[doc(alias = "SCTP_SOCKOPT_PEELOFF_FLAGS")]
#[doc(alias = "sctp_peeloff_flags")]
#[inline]
pub fn peeloff_flags(
    socket: BorrowedFd<'_>,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Errno> {
    let mut arg = PeeloffFlagsArg {
        p_arg: PeeloffArg::new(assoc),
        flags: flags.bits(),
    };
    let returned = backend::getsockopt(socket, SCTP_SOCKOPT_PEELOFF_FLAGS, &mut arg);
    adopt(returned, arg.p_arg, assoc)
}

/// Owns what the kernel has made.
#[expect(unsafe_code, reason = "the kernel hands out a number")]
#[inline]
fn adopt(
    returned: Result<c_int, Errno>,
    arg: PeeloffArg,
    assoc: AssocId,
) -> Result<OwnedFd, Errno> {
    let fd = match returned {
        Ok(fd) if fd > 0 => fd,
        unclear => number(unclear, arg.sd, assoc)?,
    };
    // SAFETY: the kernel has just put a new descriptor into this process's table
    // under this number, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The new descriptor's number, where the answer by itself does not tell.
///
/// It stands in `sd` too, which was -1. Between Linux 5.3 and 6.4 a control group's
/// BPF program for getsockopt gets to see the answer after the descriptor was made.
/// It can turn the answer into an error or into 0; and behind any such program the
/// kernel may write 0 into `sd`, after an error of its own too. So a number above 0 is
/// the descriptor, wherever it stands, and 0 proves nothing. Nor does a number that
/// comes with `EFAULT`: the kernel withdraws it when it cannot write the answer to its
/// end.
///
/// One case is not told apart: a program makes 0 of an `EINVAL`, and descriptor 0 has
/// been this association's before.
#[cold]
fn number(returned: Result<c_int, Errno>, sd: c_int, assoc: AssocId) -> Result<c_int, Errno> {
    match returned {
        Err(Errno::FAULT) if sd <= 0 || !is_its_own(sd, assoc) => Err(Errno::FAULT),
        _ if sd > 0 => Ok(sd),
        Ok(_) if is_its_own(0, assoc) => Ok(0),
        Ok(_) => Err(Errno::BADMSG),
        Err(errno) => Err(errno),
    }
}

/// Whether the descriptor has this association, and so is the one that was asked for.
#[expect(unsafe_code, reason = "a descriptor by its number")]
fn is_its_own(fd: c_int, assoc: AssocId) -> bool {
    // SAFETY: it may not be the new descriptor, nor open at all; but it is asked by
    // one getsockopt, which changes nothing, and forgotten.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut buffer = [AssocId::from_raw(0); 2];
    assoc_id_list(fd, &mut buffer) == Ok(&[assoc])
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF, NULL, 0)`—Whether the
/// socket has [`peeloff`]'s option, as each SCTP socket has.
///
/// No effect: the kernel refuses a value that is too short before it looks at
/// anything else. What it says then is `EINVAL`, and a few other protocols (CAN, LLC)
/// say that to any option of SCTP's, so that they seem to have it.
///
/// # Errors
///
/// `EBADF`, `ENOTSOCK`, and those of a security module.
pub fn has_peeloff(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    has_option(socket, SCTP_SOCKOPT_PEELOFF)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, NULL, 0)`—Whether the
/// socket has [`peeloff_flags`]'s option.
///
/// `false` means a kernel before 4.13, or a socket of another protocol. No
/// effect, as with [`has_peeloff`].
///
/// # Errors
///
/// `EBADF`, `ENOTSOCK`, and those of a security module.
pub fn has_peeloff_flags(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    has_option(socket, SCTP_SOCKOPT_PEELOFF_FLAGS)
}

fn has_option(socket: BorrowedFd<'_>, option: c_int) -> Result<bool, Errno> {
    match backend::getsockopt(socket, option, &mut [0_u32; 0]) {
        Ok(_) | Err(Errno::INVAL) => Ok(true),
        Err(Errno::NOPROTOOPT | Errno::OPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_NUMBER, …)`—How many associations
/// the socket has, those that are still being set up included.
///
/// # Errors
///
/// `EOPNOTSUPP` on a one-to-one socket; `EOPNOTSUPP` or `ENOPROTOOPT` on one of
/// another protocol; `EBADF`, `ENOTSOCK`.
#[doc(alias = "SCTP_GET_ASSOC_NUMBER")]
pub fn assoc_number(socket: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut number = 0_u32;
    backend::getsockopt(socket, SCTP_GET_ASSOC_NUMBER, &mut number)?;
    Ok(number)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_ID_LIST, …)`—The ids of the
/// socket's associations.
///
/// `buffer` takes one element more than there are ids, since the kernel writes
/// their number in front of them. An association that is still being set up from
/// this side may stand as 0, which is no id.
///
/// # Errors
///
/// `EINVAL` when the buffer is too short for all of them; `EOPNOTSUPP` on a
/// one-to-one socket; `EOPNOTSUPP` or `ENOPROTOOPT` on one of another protocol;
/// `EBADF`, `ENOTSOCK`.
#[doc(alias = "SCTP_GET_ASSOC_ID_LIST")]
pub fn assoc_id_list<'a>(
    socket: BorrowedFd<'_>,
    buffer: &'a mut [AssocId],
) -> Result<&'a [AssocId], Errno> {
    backend::getsockopt(socket, SCTP_GET_ASSOC_ID_LIST, buffer)?;
    listed(buffer).ok_or(Errno::INVAL)
}

/// `struct sctp_assoc_ids`: the number, and then as many ids.
fn listed(buffer: &[AssocId]) -> Option<&[AssocId]> {
    let (number, ids) = buffer.split_first()?;
    ids.get(..usize::try_from(number.as_raw()).ok()?)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_PEER_ADDR_INFO, …)`—The association with
/// the peer that has this address.
///
/// Any of a multi-homed peer's addresses will do. An association that is still
/// being set up may come out as 0, which is no id.
///
/// # Errors
///
/// `EINVAL` when no association has such a peer; `EOPNOTSUPP` or `ENOPROTOOPT` on
/// a socket of another protocol; `EBADF`, `ENOTSOCK`.
#[doc(alias = "SCTP_GET_PEER_ADDR_INFO")]
pub fn peer_addr_assoc_id(socket: BorrowedFd<'_>, peer: SocketAddr) -> Result<AssocId, Errno> {
    let mut info = PeerAddrInfo::new(peer);
    backend::getsockopt(socket, SCTP_GET_PEER_ADDR_INFO, &mut info)?;
    Ok(info.assoc_id)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_STATUS, …)`—Whether the one-to-many socket
/// has this association.
///
/// A one-to-one or peeled-off socket does not look at the id: there, whether it
/// has any.
///
/// # Errors
///
/// `EOPNOTSUPP` or `ENOPROTOOPT` on a socket of another protocol; `EBADF`,
/// `ENOTSOCK`.
#[doc(alias = "SCTP_STATUS")]
pub fn has_assoc(socket: BorrowedFd<'_>, assoc: AssocId) -> Result<bool, Errno> {
    match backend::getsockopt(socket, SCTP_STATUS, &mut Status::new(assoc)) {
        Ok(_) => Ok(true),
        Err(Errno::INVAL) => Ok(false),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen where the value lies across two pages, the second of them read-only: `sd`
    /// has a number then that is not open.
    #[cfg(not(miri))]
    #[test]
    fn a_number_that_was_withdrawn_is_not_taken() {
        let assoc = AssocId::from_raw(3);
        let arg = PeeloffArg {
            sd: c_int::MAX,
            ..PeeloffArg::new(assoc)
        };
        let adopted = adopt(Err(Errno::FAULT), arg, assoc);
        assert_eq!(adopted.unwrap_err(), Errno::FAULT);
    }

    #[test]
    fn a_list_is_its_number_and_then_its_ids() {
        let buffer = [2, 5, 0, 9].map(AssocId::from_raw);
        assert_eq!(listed(&buffer), Some(&buffer[1..3]));
        assert_eq!(listed(&buffer[..3]), Some(&buffer[1..3]));
        for wrong in [&buffer[..0], &buffer[..2], &[-1, 5].map(AssocId::from_raw)] {
            assert_eq!(listed(wrong), None);
        }
    }
}
