//! Converts an errno to an [`Error`], with the help of queries to the socket.
//!
//! The call has failed already, so the number of system calls does not matter here.

use core::net::SocketAddr;

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::backend::{self, is_one_to_one};
use crate::error::Error;
use crate::sockopt;

/// The reason why a peel-off failed, and the state of the association.
#[cold]
pub(crate) fn peeloff_error(socket: BorrowedFd<'_>, assoc: AssocId, errno: Errno) -> Error {
    match errno {
        // The kernel returns these before it moves the association.
        Errno::INVAL => invalid(socket, assoc),
        Errno::BUSY => Error::SenderBlocked,
        Errno::BADF | Errno::NOTSOCK | Errno::OPNOTSUPP | Errno::NOPROTOOPT | Errno::NOSYS => {
            socket_error(socket, errno)
        }
        // The kernel returns these before or after the move, or another program returns
        // them in the kernel's place.
        _ => match sockopt::has_assoc(socket, assoc) {
            Ok(true) if matches!(errno, Errno::MFILE | Errno::NFILE) => Error::NoDescriptor(errno),
            Ok(true) => Error::Os(errno),
            Ok(false) if follows_the_move(errno) => Error::AssociationLost(errno),
            Ok(false) | Err(_) => Error::StateUnknown(errno),
        },
    }
}

/// Whether the kernel returns this errno after it has found the association. If the
/// socket no longer has the association, the kernel has terminated it.
fn follows_the_move(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::FAULT
    )
}

/// `EINVAL` has several causes.
fn invalid(socket: BorrowedFd<'_>, assoc: AssocId) -> Error {
    // Some other protocols, such as CAN and LLC, return it for any SCTP option.
    if backend::is_sctp(socket) == Ok(false) {
        return Error::NotSctp;
    }
    if is_one_to_one(socket) == Ok(true) {
        return Error::NotOneToMany;
    }
    match sockopt::has_assoc(socket, assoc) {
        Ok(true) => Error::NotPeelable,
        Ok(false) => Error::NoSuchAssociation(assoc),
        Err(_) => Error::Os(Errno::INVAL),
    }
}

/// The reason why an id list could not be read.
#[cfg(feature = "alloc")]
#[cold]
pub(crate) fn list_error(socket: BorrowedFd<'_>, errno: Errno) -> Error {
    if errno == Errno::OPNOTSUPP
        && backend::is_sctp(socket) == Ok(true)
        && is_one_to_one(socket) == Ok(true)
    {
        return Error::NotOneToMany;
    }
    socket_error(socket, errno)
}

/// The reason why a peer's association was not found.
#[cold]
pub(crate) fn peer_error(socket: BorrowedFd<'_>, peer: SocketAddr, errno: Errno) -> Error {
    match errno {
        Errno::INVAL if backend::is_sctp(socket) != Ok(false) => Error::NoSuchPeer(peer),
        _ => socket_error(socket, errno),
    }
}

/// The reason why an option is not available on this socket.
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

/// Whether the socket is an SCTP socket.
pub(crate) fn is_sctp(socket: BorrowedFd<'_>) -> Result<bool, Error> {
    backend::is_sctp(socket).map_err(|errno| match errno {
        Errno::BADF => Error::BadDescriptor,
        Errno::NOTSOCK => Error::NotSocket,
        Errno::NOSYS => Error::Unsupported,
        _ => Error::Os(errno),
    })
}
