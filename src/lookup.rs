//! Finds the id of an association.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::net::SocketAddr;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::diagnose;
use crate::error::Error;
use crate::sockopt;
#[cfg(feature = "alloc")]
use crate::uapi::MAX_LIST;

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_ID_LIST, …)`—Returns the ids of the
/// associations on a one-to-many socket.
///
/// The list does not contain associations that this side is still setting up. These have
/// no id yet. For a peeled-off socket the list has one id, or is empty if the association
/// has ended. On FreeBSD a peeled-off socket has no id list, and the function fails with
/// [`NotOneToMany`](Error::NotOneToMany).
///
/// The function makes two system calls. The first one reads the number of associations
/// (`SCTP_GET_ASSOC_NUMBER`).
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NotOneToMany`](Error::NotOneToMany) | `EOPNOTSUPP`, or `EINVAL` on FreeBSD |
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT`, `EINVAL` |
/// | [`OptionsUnavailable`](Error::OptionsUnavailable) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other, for example `ENOMEM`; on FreeBSD also `ENOBUFS` if the socket has more than 16,383 associations |
///
/// No association is affected.
///
/// # References
///
/// - [RFC 6458, section 8.2.6](https://www.rfc-editor.org/rfc/rfc6458#section-8.2.6)
#[doc(alias = "SCTP_GET_ASSOC_ID_LIST")]
#[doc(alias = "SCTP_GET_ASSOC_NUMBER")]
#[cfg(feature = "alloc")]
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
pub fn assoc_ids(socket: impl AsFd) -> Result<Vec<AssocId>, Error> {
    let socket = socket.as_fd();
    list(socket).map_err(|errno| diagnose::list_error(socket, errno))
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_PEER_ADDR_INFO, …)`—Returns the id of the
/// association with the peer that has this address.
///
/// `peer` can be any address of a multi-homed peer, with the peer's port. The chapter
/// [`ids`](crate::guide::ids) lists the cases in which the kernel does not find an
/// address.
///
/// The function makes one system call. If `net.sctp.pf_expose` is 1 and the path to this
/// address is potentially failed, the kernel returns `EACCES`. In this case, with the
/// feature `alloc`, the function reads the id list and looks the address up in each
/// association.
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NoSuchPeer`](Error::NoSuchPeer) | `EINVAL`, or `ENOENT` on FreeBSD |
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT`, `EINVAL` |
/// | [`OptionsUnavailable`](Error::OptionsUnavailable) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other |
///
/// No association is affected.
///
/// # References
///
/// - [RFC 6458, section 8.2.2](https://www.rfc-editor.org/rfc/rfc6458#section-8.2.2)
#[doc(alias = "SCTP_GET_PEER_ADDR_INFO")]
pub fn assoc_id_of_peer(socket: impl AsFd, peer: SocketAddr) -> Result<AssocId, Error> {
    let socket = socket.as_fd();
    let found = match sockopt::peer_addr_assoc_id(socket, peer) {
        Err(Errno::ACCESS) => in_list(socket, peer).ok_or(Errno::ACCESS),
        found => found,
    };
    match found {
        // The association is still being set up and has no id yet.
        Ok(id) if id.as_raw() == 0 => Err(Error::NoSuchPeer(peer)),
        Ok(id) => Ok(id),
        Err(errno) => Err(diagnose::peer_error(socket, peer, errno)),
    }
}

/// Searches the id list for the association whose peer has this address. The kernel
/// accepts the unspecified address for every association, so the function never looks it
/// up.
#[cold]
#[cfg(feature = "alloc")]
fn in_list(socket: BorrowedFd<'_>, peer: SocketAddr) -> Option<AssocId> {
    if peer.ip().is_unspecified() {
        return None;
    }
    let has_peer = |id: &AssocId| sockopt::peer_has_addr(socket, *id, peer) == Ok(true);
    list(socket).ok()?.into_iter().find(has_peer)
}

/// Without an allocator the function cannot read the id list.
#[cold]
#[cfg(not(feature = "alloc"))]
fn in_list(_socket: BorrowedFd<'_>, _peer: SocketAddr) -> Option<AssocId> {
    None
}

/// Reads the id list. The kernel returns the list only if the whole list fits into the
/// buffer. Associations may be established between the two system calls, so the buffer
/// has room for additional ids. Each further attempt uses a larger buffer.
#[cfg(feature = "alloc")]
fn list(socket: BorrowedFd<'_>) -> Result<Vec<AssocId>, Errno> {
    const ATTEMPTS: u32 = 8;
    for attempt in 0..ATTEMPTS {
        let number = sockopt::assoc_number(socket)? as usize;
        let room = number.saturating_add(16).saturating_mul(1 << attempt);
        // The kernel refuses a buffer of more elements, even if the list is short.
        let room = room.min(MAX_LIST).max(number.saturating_add(1));
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(room).map_err(|_| Errno::NOMEM)?;
        buffer.resize(room, AssocId::from_raw(0));
        match sockopt::assoc_id_list(socket, &mut buffer) {
            Err(Errno::INVAL) => {}
            Err(errno) => return Err(errno),
            Ok(listed) => {
                let listed = listed.len();
                return Ok(ids(buffer, listed));
            }
        }
    }
    Err(Errno::INVAL)
}

/// Removes the number of ids at the beginning of the list, and removes all zeros. A zero
/// represents an association that this side is still setting up, and that has no id yet.
#[cfg(feature = "alloc")]
fn ids(mut buffer: Vec<AssocId>, listed: usize) -> Vec<AssocId> {
    buffer.truncate(listed + 1);
    buffer.remove(0);
    buffer.retain(|id| id.as_raw() != 0);
    buffer
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn ids_leaves_out_zeros_and_elements_behind_the_list() {
        let buffer = [3, 5, 0, 9, 7].map(AssocId::from_raw).to_vec();
        assert_eq!(ids(buffer, 3), [5, 9].map(AssocId::from_raw));
    }
}
