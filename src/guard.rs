//! Refuses before the kernel is asked for a descriptor that it does not have.
//!
//! The kernel moves the association first and takes a descriptor number
//! afterwards; if there is none, it destroys the association. A duplicate of the
//! socket's descriptor, closed at once, tells whether a number is free. It is made
//! with CLOEXEC, so that a child of another thread cannot inherit it, and it is
//! the cheapest such probe that was measured. Another thread may still take the
//! last number in between, and the system's own limit (`ENFILE`) is not seen;
//! [`Error::AssociationLost`] tells of both.

use rustix::fd::BorrowedFd;
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::Error;

#[inline]
pub(crate) fn descriptor_free(socket: BorrowedFd<'_>) -> Result<(), Error> {
    match fcntl_dupfd_cloexec(socket, 0) {
        Err(errno @ (Errno::MFILE | Errno::NFILE)) => Err(Error::NoDescriptor(errno)),
        // A limit of 0: even number 0 is beyond it.
        Err(Errno::INVAL) => Err(Error::NoDescriptor(Errno::MFILE)),
        // The table of descriptors would have to grow, and cannot.
        Err(errno @ Errno::NOMEM) => Err(Error::Os(errno)),
        // Whatever else stood in the way of the duplicate (a closed descriptor, a
        // seccomp filter), the kernel's answer to the peel-off tells better.
        Ok(_) | Err(_) => Ok(()),
    }
}
