//! From an errno to an [`Error`], by asking the socket. All of this is the cold
//! path: the call has failed already.

use core::net::SocketAddr;

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use crate::{AssocId, Error, backend, sockopt};

/// Why a peel-off failed, and what became of the association.
#[cold]
pub(crate) fn peeloff_error(socket: BorrowedFd<'_>, assoc: AssocId, errno: Errno) -> Error {
    match errno {
        Errno::INVAL => invalid(socket, assoc),
        Errno::BUSY => Error::SenderBlocked,
        // The kernel had found the association before any of these. If it is no
        // longer there, the kernel has destroyed it.
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::FAULT => {
            match sockopt::has_assoc(socket, assoc) {
                Ok(true) if matches!(errno, Errno::MFILE | Errno::NFILE) => {
                    Error::NoDescriptor(errno)
                }
                Ok(true) => Error::Os(errno),
                // Nobody is served by hope: what cannot be asked for is lost.
                Ok(false) | Err(_) => Error::AssociationLost(errno),
            }
        }
        // The answer was hidden, and so would this question's be.
        Errno::BADMSG => Error::AssociationLost(errno),
        _ => socket_error(errno),
    }
}

/// `EINVAL` has several causes, and the kernel does not say which.
fn invalid(socket: BorrowedFd<'_>, assoc: AssocId) -> Error {
    if sockopt::assoc_number(socket) == Err(Errno::OPNOTSUPP) {
        return Error::NotOneToMany;
    }
    match sockopt::has_assoc(socket, assoc) {
        Ok(true) => Error::NotPeelable,
        Ok(false) => Error::NoSuchAssociation(assoc),
        Err(_) => Error::Os(Errno::INVAL),
    }
}

/// Why a socket's ids could not be listed.
#[cfg(feature = "alloc")]
#[cold]
pub(crate) fn list_error(socket: BorrowedFd<'_>, errno: Errno) -> Error {
    match errno {
        // The one answer that SCTP's one-to-one sockets share with other protocols.
        Errno::OPNOTSUPP if sockopt::has_peeloff(socket) == Ok(true) => Error::NotOneToMany,
        _ => socket_error(errno),
    }
}

/// Why a peer's association was not found.
#[cold]
pub(crate) fn peer_error(peer: SocketAddr, errno: Errno) -> Error {
    match errno {
        Errno::INVAL => Error::NoSuchPeer(peer),
        _ => socket_error(errno),
    }
}

/// What the errno says of the socket itself.
#[cold]
pub(crate) fn socket_error(errno: Errno) -> Error {
    match errno {
        Errno::BADF => Error::BadDescriptor,
        Errno::NOTSOCK => Error::NotSocket,
        Errno::NOSYS => Error::Unsupported,
        Errno::OPNOTSUPP | Errno::NOPROTOOPT => not_sctp(),
        _ => Error::Os(errno),
    }
}

/// The socket is of another protocol; on a kernel without SCTP it could not be
/// otherwise, and that is what the user has to mend.
#[cold]
pub(crate) fn not_sctp() -> Error {
    match backend::sctp_socket() {
        Err(Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT | Errno::NOSYS) => Error::Unsupported,
        _ => Error::NotSctp,
    }
}
