//! Converts an errno to an [`Error`] and queries the socket to find the cause.
//!
//! The call has failed already, so the number of system calls does not matter here.

use core::net::SocketAddr;

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::backend::{self, MOVES_FIRST, is_one_to_one};
use crate::error::Error;
use crate::sockopt;
#[cfg(feature = "alloc")]
use crate::uapi::NO_LIST;
use crate::uapi::{NOT_FOUND, REFUSED};

/// Returns the error of a failed peel-off, which includes the state of the association.
#[cold]
pub(crate) fn peeloff_error(socket: BorrowedFd<'_>, assoc: AssocId, errno: Errno) -> Error {
    match errno {
        // The kernel returns these errnos before it moves the association.
        _ if REFUSED.contains(&errno) => refused(socket, assoc, errno),
        Errno::BUSY => Error::SenderBlocked,
        Errno::BADF | Errno::NOTSOCK | Errno::OPNOTSUPP | Errno::NOPROTOOPT | Errno::NOSYS => {
            socket_error(socket, errno)
        }
        Errno::MFILE | Errno::NFILE if !MOVES_FIRST => Error::NoDescriptor(errno),
        _ if !MOVES_FIRST => Error::Os(errno),
        // `adopt` returns this errno if the result was overwritten. The result of a query may
        // be overwritten as well.
        Errno::BADMSG => Error::StateUnknown(errno),
        // The kernel returns these errnos before or after it moves the association, or a
        // filter replaces the kernel's result with them.
        _ => match sockopt::has_assoc(socket, assoc) {
            Ok(true) if matches!(errno, Errno::MFILE | Errno::NFILE) => Error::NoDescriptor(errno),
            Ok(true) => Error::Os(errno),
            Ok(false) if follows_the_move(errno) => Error::AssociationLost(errno),
            Ok(false) | Err(_) => Error::StateUnknown(errno),
        },
    }
}

/// Whether the kernel can return this errno after it has found the association. If the
/// socket then no longer has the association, the kernel has terminated the association.
fn follows_the_move(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::FAULT
    )
}

/// Finds the cause of an errno in [`REFUSED`].
fn refused(socket: BorrowedFd<'_>, assoc: AssocId, errno: Errno) -> Error {
    // Some other protocols, such as CAN and LLC, return this errno for any SCTP option.
    if backend::is_sctp(socket) == Ok(false) {
        return Error::NotSctp;
    }
    if is_one_to_one(socket) == Ok(true) {
        return Error::NotOneToMany;
    }
    match sockopt::has_assoc(socket, assoc) {
        Ok(true) => Error::NotPeelable,
        Ok(false) => Error::NoSuchAssociation(assoc),
        Err(_) => Error::Os(errno),
    }
}

/// Returns the error if an id list could not be read.
#[cfg(feature = "alloc")]
#[cold]
pub(crate) fn list_error(socket: BorrowedFd<'_>, errno: Errno) -> Error {
    if errno == NO_LIST
        && backend::is_sctp(socket) == Ok(true)
        && backend::has_no_id_list(socket) == Ok(true)
    {
        return Error::NotOneToMany;
    }
    socket_error(socket, errno)
}

/// Returns the error if a peer's association was not found.
#[cold]
pub(crate) fn peer_error(socket: BorrowedFd<'_>, peer: SocketAddr, errno: Errno) -> Error {
    match errno {
        NOT_FOUND if backend::is_sctp(socket) != Ok(false) => Error::NoSuchPeer(peer),
        _ => socket_error(socket, errno),
    }
}

/// Returns the error if an option failed for a reason that lies in the socket.
#[cold]
pub(crate) fn socket_error(socket: BorrowedFd<'_>, errno: Errno) -> Error {
    match errno {
        Errno::BADF => Error::BadDescriptor,
        Errno::NOTSOCK => Error::NotSocket,
        Errno::NOSYS => Error::Unsupported,
        Errno::INVAL | Errno::OPNOTSUPP | Errno::NOPROTOOPT => match backend::is_sctp(socket) {
            Ok(false) => Error::NotSctp,
            Ok(true) if errno != Errno::INVAL => Error::OptionsUnavailable(errno),
            Ok(true) | Err(_) => Error::Os(errno),
        },
        _ => Error::Os(errno),
    }
}
