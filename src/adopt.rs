//! Turns the result of a peel-off into an [`OwnedFd`], or rejects it.
//!
//! Soundness depends on this file. Here, "to adopt" a descriptor means to create an `OwnedFd`
//! from it. A descriptor that has another owner must never be adopted.
//!
//! The kernel returns the new descriptor as getsockopt's result and also writes it to the
//! field `sd` of the argument. Before the call, `sd` is -1. If the result and `sd` are the
//! same positive descriptor, this descriptor is adopted, unless it is the socket itself.
//! Every other outcome is ambiguous:
//!
//! - 0 is a valid descriptor, but a cgroup BPF program (Linux 5.3 to 6.4) or a seccomp
//!   filter can also replace any result with 0.
//! - On Linux 5.10 the kernel overwrites `sd` with 0 whenever such a BPF program is
//!   attached, even after an error. The program may also write another descriptor to
//!   `sd`, or replace a success with an error.
//! - If the call fails with `EFAULT`, the kernel may have written `sd` and then closed the
//!   descriptor.
//!
//! In these cases the table below names at most one candidate for the new descriptor. The
//! candidate is adopted only if three queries show that it is the new descriptor:
//!
//! 1. `SCTP_GET_ASSOC_ID_LIST` on the candidate returns this association and no other.
//! 2. `SCTP_STATUS` on the socket no longer finds the association. So the candidate is
//!    not a duplicate of the socket.
//! 3. A second peel-off of the same id does not return the candidate again. A candidate that
//!    was the first result is compared with the second result. A candidate that came from
//!    `sd` is compared with the second `sd`. The kernel refuses the second peel-off, because
//!    the association is no longer on the socket. If the candidate is returned nevertheless,
//!    a filter or a BPF program has written it. It may be a descriptor that was already open
//!    before the first peel-off, so it must not be adopted.
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
//! Known limitation: two forgeries by a BPF program are not detected. On Linux 5.18 to 6.4, the
//! program can write one of the process's existing descriptors both to the result and to `sd`.
//! On Linux 5.3 to 6.4, a program that keeps state can forge the result of the first peel-off
//! but leave the result of the second unchanged.

use core::ffi::c_int;
use core::marker::PhantomData;

use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::backend::{getsockopt, getsockopt_raw, result};
use crate::flags::PeeloffFlags;
use crate::uapi::{
    PeeloffArg, PeeloffFlagsArg, Plain, SCTP_GET_ASSOC_ID_LIST, SCTP_SOCKOPT_PEELOFF,
    SCTP_SOCKOPT_PEELOFF_FLAGS, SCTP_STATUS, Status,
};

/// The argument of `SCTP_SOCKOPT_PEELOFF` or `SCTP_SOCKOPT_PEELOFF_FLAGS`.
pub(crate) trait Argument: Plain + Sized {
    const OPTION: c_int;
    fn new(assoc: AssocId, flags: PeeloffFlags) -> Self;
    fn sd(&self) -> c_int;
}

impl Argument for PeeloffArg {
    const OPTION: c_int = SCTP_SOCKOPT_PEELOFF;

    #[inline]
    fn new(associd: AssocId, _flags: PeeloffFlags) -> Self {
        Self { associd, sd: -1 }
    }

    #[inline]
    fn sd(&self) -> c_int {
        self.sd
    }
}

impl Argument for PeeloffFlagsArg {
    const OPTION: c_int = SCTP_SOCKOPT_PEELOFF_FLAGS;

    #[inline]
    fn new(assoc: AssocId, flags: PeeloffFlags) -> Self {
        Self {
            p_arg: PeeloffArg::new(assoc, flags),
            flags: flags.bits(),
        }
    }

    #[inline]
    fn sd(&self) -> c_int {
        self.p_arg.sd
    }
}

/// Peels off the association, and takes ownership of the new descriptor.
#[expect(unsafe_code, reason = "takes ownership of a raw descriptor")]
#[inline]
pub(crate) fn peeloff<A: Argument>(
    socket: BorrowedFd<'_>,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Errno> {
    let socket = socket.as_raw_fd();
    let reply = call::<A>(socket, assoc, flags);
    let fd = if is_clear(socket, reply) {
        reply.0
    } else {
        examine(socket, assoc, reply, &Kernel::<A>(flags, PhantomData))?
    };
    // SAFETY: this is the new descriptor: either the result and `sd` agree, or `examine` has
    // verified the candidate. The kernel created the descriptor for this call, so the
    // descriptor has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The outcome of one getsockopt call: the value that the kernel returned, and `sd`.
type Reply = (c_int, c_int);

#[inline]
fn call<A: Argument>(socket: RawFd, assoc: AssocId, flags: PeeloffFlags) -> Reply {
    let mut argument = A::new(assoc, flags);
    let returned = getsockopt_raw(socket, A::OPTION, &mut argument);
    (returned, argument.sd())
}

/// Whether the reply matches the first row of the table above.
#[inline]
fn is_clear(socket: RawFd, (returned, sd): Reply) -> bool {
    returned > 0 && returned == sd && returned != socket
}

/// The queries that determine whether a candidate is adopted.
trait Queries {
    /// Whether the descriptor has this association and no other.
    fn is_on(&self, fd: RawFd, assoc: AssocId) -> bool;
    /// Whether the socket is known not to have this association.
    fn is_not_on(&self, socket: RawFd, assoc: AssocId) -> bool;
    /// The reply to a second peel-off.
    fn repeat(&self, socket: RawFd, assoc: AssocId) -> Reply;
}

struct Kernel<A>(PeeloffFlags, PhantomData<A>);

impl<A: Argument> Queries for Kernel<A> {
    fn is_on(&self, fd: RawFd, assoc: AssocId) -> bool {
        let mut list = [AssocId::from_raw(0); 2];
        let listed = getsockopt(fd, SCTP_GET_ASSOC_ID_LIST, &mut list[..]);
        listed.is_ok() && list == [AssocId::from_raw(1), assoc]
    }

    fn is_not_on(&self, socket: RawFd, assoc: AssocId) -> bool {
        getsockopt(socket, SCTP_STATUS, &mut Status::new(assoc)) == Err(Errno::INVAL)
    }

    fn repeat(&self, socket: RawFd, assoc: AssocId) -> Reply {
        call::<A>(socket, assoc, self.0)
    }
}

/// Returns the candidate if the queries show that it is the new descriptor.
#[cold]
fn examine(
    socket: RawFd,
    assoc: AssocId,
    (returned, sd): Reply,
    queries: &impl Queries,
) -> Result<RawFd, Errno> {
    let result = result(returned);
    let candidate = match result {
        Ok(0) => sd.max(0),
        Ok(fd) => fd,
        Err(_) => sd,
    };
    let is_new = candidate >= 0
        && candidate != socket
        && queries.is_on(candidate, assoc)
        && queries.is_not_on(socket, assoc)
        && match queries.repeat(socket, assoc) {
            // The second peel-off succeeded, so the association was still on the socket.
            (again, _) if again > 0 => false,
            (again, _) if returned == candidate => again != candidate,
            (_, again) => again != candidate,
        };
    if is_new {
        return Ok(candidate);
    }
    Err(result.err().unwrap_or(Errno::BADMSG))
}

#[cfg(test)]
mod tests;
