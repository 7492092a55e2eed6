//! Checks for a free file descriptor before a peel-off.
//!
//! Linux moves the association before it allocates a descriptor. If no descriptor is
//! free, Linux terminates the association. The check duplicates the socket's descriptor
//! and closes the duplicate. If the duplication fails with `EMFILE` or `ENFILE`, no
//! descriptor is available.
//!
//! FreeBSD allocates the descriptor before it moves the association, so no check is needed
//! on FreeBSD.
//!
//! Known limitation: the check and the peel-off are not atomic. Another thread can take
//! the last descriptor in between. The check also does not detect the system-wide limit
//! (`ENFILE`), because that limit does not apply to duplicates. In both cases the peel-off
//! fails with [`Error::AssociationLost`].

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use crate::backend::{MOVES_FIRST, duplicate_and_close};
use crate::error::Error;

#[inline]
pub(crate) fn descriptor_free(socket: BorrowedFd<'_>) -> Result<(), Error> {
    if !MOVES_FIRST {
        return Ok(());
    }
    match duplicate_and_close(socket) {
        Err(errno @ (Errno::MFILE | Errno::NFILE)) => Err(Error::NoDescriptor(errno)),
        // The kernel could not enlarge the descriptor table.
        Err(errno @ Errno::NOMEM) => Err(Error::Os(errno)),
        // The duplication failed for another reason, such as a closed descriptor or a
        // seccomp filter. The peel-off itself reports a better error.
        Ok(()) | Err(_) => Ok(()),
    }
}
