//! Turns the result of a peel-off into an [`OwnedFd`], or rejects it.
//!
//! Soundness depends on this file: a descriptor that somebody else owns must never be
//! adopted, whatever the call returned.
//!
//! The kernel returns the new descriptor as getsockopt's result, and writes it to `sd`,
//! which was -1. If both are the same positive descriptor, it is adopted, unless it is
//! the socket itself. Every other outcome is ambiguous:
//!
//! - 0 is a valid descriptor, and also what a cgroup BPF program (Linux 5.3 to 6.4) or
//!   a seccomp filter can put in place of any result.
//! - On 5.10 the presence of any such program overwrites `sd` with 0, also after an
//!   error. A program may also write another descriptor to `sd`, or replace a success
//!   with an error.
//! - With `EFAULT` the kernel has written `sd` and then withdrawn the descriptor.
//!
//! In these cases there is a candidate, which is adopted only if three queries show
//! that it is the new descriptor:
//!
//! 1. `SCTP_GET_ASSOC_ID_LIST` on the candidate returns this association and no other.
//! 2. `SCTP_STATUS` on the socket no longer finds the association. So the candidate is
//!    not a duplicate of the socket.
//! 3. A second peel-off of the same id, which must fail because the association is no
//!    longer on the socket, does not produce the candidate in the same place. If it
//!    does, the candidate was put there by something other than this peel-off, and may
//!    have been open before the call.
//!
//! | result | `sd` | candidate | all three hold | otherwise |
//! |---|---|---|---|---|
//! | positive | the same | – (adopted without a query) | | |
//! | positive | the same, the socket's own | none | | `EBADMSG` |
//! | positive | anything else | the result | adopted | `EBADMSG` |
//! | 0 | positive | `sd` | adopted | `EBADMSG` |
//! | 0 | 0 or negative | 0 | adopted | `EBADMSG` |
//! | an error | 0 or positive | `sd` | adopted | the error |
//! | an error | negative | none | | the error |
//!
//! A candidate that is the socket's own descriptor is rejected without a query.
//! `EBADMSG` means that the state of the association is unknown.
//!
//! Known limitation: a program that keeps state, and forges a result for the first call
//! but not for the second, can name a descriptor on which an earlier call has placed
//! the same association.

use core::ffi::c_int;

use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::backend::getsockopt;
use crate::uapi::{SCTP_GET_ASSOC_ID_LIST, SCTP_STATUS, Status};

/// What a peel-off left behind.
#[derive(Clone, Copy)]
pub(crate) struct Reply {
    /// The result of getsockopt.
    pub(crate) result: Result<c_int, Errno>,
    /// The field `sd` of the argument.
    pub(crate) sd: c_int,
}

/// Makes the call, and takes ownership of the descriptor that it created.
#[expect(unsafe_code, reason = "takes ownership of a raw descriptor")]
#[inline]
pub(crate) fn adopt(
    socket: BorrowedFd<'_>,
    assoc: AssocId,
    call: impl Fn() -> Reply,
) -> Result<OwnedFd, Errno> {
    let reply = call();
    let fd = match reply.result {
        Ok(fd) if fd > 0 && fd == reply.sd && fd != socket.as_raw_fd() => fd,
        _ => examine(socket.as_raw_fd(), assoc, reply, &call, &Kernel)?,
    };
    // SAFETY: the kernel returned this descriptor as the new one in two places, or
    // `examine` has shown that it is the new one. The kernel gives a new descriptor to
    // this call alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The queries that decide about a candidate.
trait Queries {
    /// Whether the descriptor has this association and no other.
    fn is_on(&self, fd: RawFd, assoc: AssocId) -> bool;
    /// Whether the socket is known not to have this association.
    fn is_not_on(&self, socket: RawFd, assoc: AssocId) -> bool;
}

struct Kernel;

impl Queries for Kernel {
    fn is_on(&self, fd: RawFd, assoc: AssocId) -> bool {
        let mut list = [AssocId::from_raw(0); 2];
        let listed = getsockopt(fd, SCTP_GET_ASSOC_ID_LIST, &mut list[..]);
        listed.is_ok() && list == [AssocId::from_raw(1), assoc]
    }

    fn is_not_on(&self, socket: RawFd, assoc: AssocId) -> bool {
        getsockopt(socket, SCTP_STATUS, &mut Status::new(assoc)) == Err(Errno::INVAL)
    }
}

/// The new descriptor, if the queries show which one it is.
#[cold]
fn examine(
    socket: RawFd,
    assoc: AssocId,
    reply: Reply,
    repeat: &dyn Fn() -> Reply,
    queries: &dyn Queries,
) -> Result<RawFd, Errno> {
    let candidate = match reply.result {
        Ok(0) => reply.sd.max(0),
        Ok(fd) => fd,
        Err(_) => reply.sd,
    };
    let is_new = candidate >= 0
        && candidate != socket
        && queries.is_on(candidate, assoc)
        && queries.is_not_on(socket, assoc)
        && !names(repeat(), reply.result == Ok(candidate), candidate);
    if is_new {
        return Ok(candidate);
    }
    Err(reply.result.err().unwrap_or(Errno::BADMSG))
}

/// Whether the reply has the candidate in its result, or else in `sd`.
fn names(reply: Reply, in_result: bool, candidate: RawFd) -> bool {
    if in_result {
        reply.result == Ok(candidate)
    } else {
        reply.sd == candidate
    }
}

#[cfg(test)]
mod tests;
