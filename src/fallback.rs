//! Flags on kernels before 4.13, which do not have `SCTP_SOCKOPT_PEELOFF_FLAGS`.

use core::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use crate::assoc_id::AssocId;
use crate::backend::is_sctp;
use crate::diagnose::{peeloff_error, socket_error};
use crate::error::Error;
use crate::flags::PeeloffFlags;
use crate::sockopt;

/// Whether a call has shown that the kernel does not have `SCTP_SOCKOPT_PEELOFF_FLAGS`. The
/// kernel stays the same, so the value changes at most once. No other data depends on it, so
/// relaxed ordering is sufficient.
static NO_FLAGS_OPTION: AtomicBool = AtomicBool::new(false);

/// Fails if the flags contain bits that are not [`PeeloffFlags`].
#[inline]
pub(crate) fn check(flags: PeeloffFlags) -> Result<(), Error> {
    let unknown = flags.difference(PeeloffFlags::all());
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Error::UnknownFlags(unknown))
    }
}

#[inline]
pub(crate) fn peeloff_flags(
    socket: BorrowedFd<'_>,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Error> {
    if !NO_FLAGS_OPTION.load(Ordering::Relaxed) {
        match sockopt::peeloff_flags(socket, assoc, flags) {
            Err(Errno::NOPROTOOPT) => {}
            Err(errno) => return Err(peeloff_error(socket, assoc, errno)),
            Ok(peeled) => return Ok(peeled),
        }
    }
    peeloff_then_flags(socket, assoc, flags)
}

/// Whether the kernel has `SCTP_SOCKOPT_PEELOFF_FLAGS`.
pub(crate) fn supports_flags(socket: BorrowedFd<'_>) -> Result<bool, Error> {
    // EINVAL means that SCTP has the option. Some other protocols return EINVAL for any SCTP
    // option, so the protocol is checked first.
    match is_sctp(socket) {
        Ok(true) => sockopt::has_peeloff_flags(socket),
        Ok(false) => return Err(Error::NotSctp),
        Err(errno) => Err(errno),
    }
    .map_err(|errno| socket_error(socket, errno))
}

#[cold]
fn peeloff_then_flags(
    socket: BorrowedFd<'_>,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Error> {
    let peeled = sockopt::peeloff(socket, assoc);
    // On every kernel SCTP_SOCKOPT_PEELOFF_FLAGS fails with ENOPROTOOPT for some sockets of
    // other protocols. If the peel-off succeeds, or fails with EINVAL because of the id, the
    // socket has SCTP_SOCKOPT_PEELOFF. Only then does the errno show that the kernel does not
    // have the other option.
    if matches!(peeled, Ok(_) | Err(Errno::INVAL)) {
        NO_FLAGS_OPTION.store(true, Ordering::Relaxed);
    }
    match peeled {
        Ok(peeled) => set_flags(peeled, flags),
        Err(errno) => Err(peeloff_error(socket, assoc, errno)),
    }
}

/// Sets the flags of a new descriptor. `SCTP_SOCKOPT_PEELOFF` creates the descriptor without
/// flags, so the function does not read the flags first. CLOEXEC is set first, so that the
/// time in which a new program can inherit the descriptor is short.
pub(crate) fn set_flags(peeled: OwnedFd, flags: PeeloffFlags) -> Result<OwnedFd, Error> {
    let mut done = Ok(());
    if flags.contains(PeeloffFlags::CLOEXEC) {
        done = fcntl_setfd(&peeled, FdFlags::CLOEXEC);
    }
    if done.is_ok() && flags.contains(PeeloffFlags::NONBLOCK) {
        done = fcntl_setfl(&peeled, OFlags::NONBLOCK);
    }
    match done {
        Ok(()) => Ok(peeled),
        Err(errno) => Err(Error::FlagsNotSet {
            socket: peeled,
            errno,
        }),
    }
}
