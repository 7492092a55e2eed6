//! Fails before a peel-off for which no file descriptor is available.
//!
//! Linux moves the association before it allocates a descriptor, and terminates the
//! association if no descriptor is free. The guard duplicates the socket's descriptor and
//! closes the duplicate, which shows whether a descriptor is available. The duplicate has
//! CLOEXEC, so that a child of another thread cannot inherit it.
//!
//! FreeBSD allocates the descriptor first, so that the guard does nothing there.
//!
//! The guard is a check before use: another thread can take the last descriptor before
//! the peel-off. It also does not notice the system-wide limit (`ENFILE`), which does
//! not apply to duplicates. In both cases the error is [`Error::AssociationLost`].

use rustix::fd::BorrowedFd;
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::backend::MOVES_FIRST;
use crate::error::Error;

#[inline]
pub(crate) fn descriptor_free(socket: BorrowedFd<'_>) -> Result<(), Error> {
    if !MOVES_FIRST {
        return Ok(());
    }
    match fcntl_dupfd_cloexec(socket, 0) {
        Err(errno @ (Errno::MFILE | Errno::NFILE)) => Err(Error::NoDescriptor(errno)),
        // RLIMIT_NOFILE is 0, so that even descriptor 0 is beyond the limit.
        Err(Errno::INVAL) => Err(Error::NoDescriptor(Errno::MFILE)),
        // The kernel could not enlarge the descriptor table.
        Err(errno @ Errno::NOMEM) => Err(Error::Os(errno)),
        // The duplicate failed for another reason, such as a closed descriptor or a
        // seccomp filter. The peel-off itself reports a better error.
        Ok(_) | Err(_) => Ok(()),
    }
}
