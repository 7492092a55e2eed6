//! Kernels before 4.13, which have no `SCTP_SOCKOPT_PEELOFF_FLAGS`.

use core::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use crate::diagnose::peeloff_error;
use crate::{AssocId, Error, PeeloffFlags, sockopt};

/// Whether this kernel is known to lack the flags option. A kernel does not
/// change, so once true it stays so; and nothing else depends on it, so relaxed
/// order will do.
static NO_FLAGS_OPTION: AtomicBool = AtomicBool::new(false);

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

#[cold]
fn peeloff_then_flags(
    socket: BorrowedFd<'_>,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Error> {
    let peeled = sockopt::peeloff(socket, assoc);
    // A socket of another protocol answers ENOPROTOOPT to the flags option on any
    // kernel. Only one that has the plain option proves that the kernel is old: it
    // peels off, or says what is wrong with the id.
    if matches!(peeled, Ok(_) | Err(Errno::INVAL)) {
        NO_FLAGS_OPTION.store(true, Ordering::Relaxed);
    }
    match peeled {
        Ok(peeled) => set_flags(peeled, flags),
        Err(errno) => Err(peeloff_error(socket, assoc, errno)),
    }
}

/// Sets what was asked for and reads nothing first: a descriptor that the plain
/// option has made has no flags. CLOEXEC goes first, to keep the gap in which a
/// child may inherit the descriptor short.
fn set_flags(peeled: OwnedFd, flags: PeeloffFlags) -> Result<OwnedFd, Error> {
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
