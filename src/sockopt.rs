//! Wraps each of the kernel's options in a function that makes one `getsockopt` call.
//!
//! On each system the module has the options of that system's kernel. `peeloff_flags`,
//! `has_peeloff_flags` and the options `SCTP_SOCKOPT_PEELOFF` and
//! `SCTP_SOCKOPT_PEELOFF_FLAGS` exist only on Linux. On FreeBSD, [`peeloff`] makes the
//! system call `sctp_peeloff` instead. On systems that this crate does not support, each
//! function fails with `ENOSYS`.
//!
//! The functions return the kernel's [`Errno`]. Unlike the functions at the crate's root,
//! they do not check for a free descriptor, do not set flags on kernels before 4.13, and
//! do not determine the cause of an error. Use them if the number of system calls
//! matters. **On Linux, if no descriptor is free, the kernel terminates the association
//! in a call to [`peeloff`] or `peeloff_flags` of this module.**
//!
//! On Linux, the result of a peel-off can be ambiguous, for example if it is 0. In this
//! case the function makes up to three more system calls to verify the descriptor.
//!
//! # References
//!
//! - [`net/sctp/socket.c`], `sctp_getsockopt`
//! - [`include/uapi/linux/sctp.h`], the constants and the structs
//! - [`sctp(4)`], FreeBSD
//! - [RFC 6458], the sockets API for SCTP
//!
//! [`net/sctp/socket.c`]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/sctp/socket.c
//! [`include/uapi/linux/sctp.h`]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/sctp.h
//! [`sctp(4)`]: https://man.freebsd.org/cgi/man.cgi?query=sctp
//! [RFC 6458]: https://www.rfc-editor.org/rfc/rfc6458

use core::ffi::c_int;
use core::net::SocketAddr;

use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::backend::{getsockopt, setsockopt};
use crate::uapi::{
    Event, LOWEST_STATE, NOT_FOUND, PeerAddress, Plain, SCTP_EVENT, SCTP_EVENTS, SCTP_RECVRCVINFO,
    Status,
};

#[cfg(feature = "alloc")]
use crate::uapi::SCTP_PEER_ADDR_PARAMS;

pub use crate::uapi::{
    SCTP_GET_ASSOC_ID_LIST, SCTP_GET_ASSOC_NUMBER, SCTP_GET_PEER_ADDR_INFO, SCTP_STATUS, SOL_SCTP,
};

#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use crate::backend::peeloff;
#[cfg(target_os = "linux")]
pub use linux::{
    SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS, has_peeloff_flags, peeloff, peeloff_flags,
};

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_NUMBER, …)`—Returns the number of
/// associations on the socket, including those that are still being set up.
///
/// # Errors
///
/// | errno | condition |
/// |---|---|
/// | `EOPNOTSUPP` | a one-to-one socket, on Linux |
/// | `EINVAL` | a one-to-one or peeled-off socket, on FreeBSD |
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol |
/// | `EBADF` | not an open descriptor |
/// | `ENOTSOCK` | not a socket |
#[doc(alias = "SCTP_GET_ASSOC_NUMBER")]
pub fn assoc_number(socket: impl AsFd) -> Result<u32, Errno> {
    let mut number = 0_u32;
    getsockopt(
        socket.as_fd().as_raw_fd(),
        SCTP_GET_ASSOC_NUMBER,
        &mut number,
    )?;
    Ok(number)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_ID_LIST, …)`—Returns the ids of the
/// socket's associations.
///
/// The kernel writes the number of ids to the first element of the buffer, so the buffer
/// must have one element more than there are ids. If this side is still setting up an
/// association, the list may contain 0 for this association. 0 is not an id.
///
/// # Errors
///
/// | errno | condition |
/// |---|---|
/// | `EINVAL` | the buffer is too short for all ids |
/// | `ENOBUFS` | the buffer has more than 16,384 elements, on FreeBSD |
/// | `EOPNOTSUPP` | a one-to-one socket, on Linux |
/// | `EINVAL` | a one-to-one or peeled-off socket, on FreeBSD |
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol |
/// | `EBADF` | not an open descriptor |
/// | `ENOTSOCK` | not a socket |
#[doc(alias = "SCTP_GET_ASSOC_ID_LIST")]
pub fn assoc_id_list(socket: impl AsFd, buffer: &mut [AssocId]) -> Result<&[AssocId], Errno> {
    getsockopt(socket.as_fd().as_raw_fd(), SCTP_GET_ASSOC_ID_LIST, buffer)?;
    listed(buffer).ok_or(Errno::INVAL)
}

/// `struct sctp_assoc_ids`: the number of ids, followed by the ids.
fn listed(buffer: &[AssocId]) -> Option<&[AssocId]> {
    let (number, ids) = buffer.split_first()?;
    ids.get(..usize::try_from(number.as_raw()).ok()?)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_PEER_ADDR_INFO, …)`—Returns the id of the
/// association with the peer that has this address.
///
/// `peer` can be any address of a multi-homed peer. If the association is still being set
/// up, the function may return 0, which is not an id.
///
/// # Errors
///
/// | errno | condition |
/// |---|---|
/// | `EINVAL`, or `ENOENT` on FreeBSD | no association has a peer with this address |
/// | `EACCES` | `net.sctp.pf_expose` is 1, and the path to this address is potentially failed |
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol |
/// | `EBADF` | not an open descriptor |
/// | `ENOTSOCK` | not a socket |
#[doc(alias = "SCTP_GET_PEER_ADDR_INFO")]
pub fn peer_addr_assoc_id(socket: impl AsFd, peer: SocketAddr) -> Result<AssocId, Errno> {
    let mut info = PeerAddress::new(AssocId::from_raw(0), peer);
    getsockopt(
        socket.as_fd().as_raw_fd(),
        SCTP_GET_PEER_ADDR_INFO,
        &mut info,
    )?;
    Ok(info.assoc_id)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_PEER_ADDR_PARAMS, …)`: whether the peer of this
/// association has this address. The association must be on the socket.
#[cfg(feature = "alloc")]
pub(crate) fn peer_has_addr(
    socket: impl AsFd,
    assoc: AssocId,
    peer: SocketAddr,
) -> Result<bool, Errno> {
    let mut params = PeerAddress::new(assoc, peer);
    found(getsockopt(
        socket.as_fd().as_raw_fd(),
        SCTP_PEER_ADDR_PARAMS,
        &mut params,
    ))
}

/// `getsockopt(socket, SOL_SCTP, SCTP_STATUS, …)`—Returns whether the one-to-many socket
/// has this association.
///
/// On a one-to-one or peeled-off socket the kernel ignores the id. On such a socket the
/// function returns whether the socket has any association.
///
/// # Errors
///
/// | errno | condition |
/// |---|---|
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol |
/// | `EBADF` | not an open descriptor |
/// | `ENOTSOCK` | not a socket |
/// | `EBADMSG` | a cgroup BPF program or a seccomp filter has replaced an error with success |
#[doc(alias = "SCTP_STATUS")]
pub fn has_assoc(socket: impl AsFd, assoc: AssocId) -> Result<bool, Errno> {
    let mut status = Status::new(assoc);
    let result = getsockopt(socket.as_fd().as_raw_fd(), SCTP_STATUS, &mut status);
    let has_assoc = found(result)?;
    // On success the kernel writes an id and a state. If one of them is missing, a filter has
    // replaced an error with success.
    let is_written = status.assoc_id.as_raw() != 0 && status.state >= LOWEST_STATE;
    if has_assoc && !is_written {
        return Err(Errno::BADMSG);
    }
    Ok(has_assoc)
}

/// Returns `false` if the kernel did not find the association or the peer's address. The
/// errno of getsockopt is then `EINVAL`, or `ENOENT` on FreeBSD. On FreeBSD the errno is
/// also `EINVAL` for the reserved ids 0, 1 and 2.
fn found(result: Result<c_int, Errno>) -> Result<bool, Errno> {
    match result {
        Ok(_) => Ok(true),
        Err(errno) if errno == NOT_FOUND || errno == Errno::INVAL => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// `getsockopt(socket, SOL_SCTP, SCTP_EVENTS, …)`: the first two event subscriptions,
/// `sctp_data_io_event` and `sctp_association_event`.
pub(crate) fn first_events(socket: impl AsFd) -> Result<[u8; 2], Errno> {
    let mut events = [0_u8; 2];
    getsockopt(socket.as_fd().as_raw_fd(), SCTP_EVENTS, &mut events)?;
    Ok(events)
}

/// `setsockopt(socket, SOL_SCTP, SCTP_EVENTS, …)`: sets the first two event subscriptions.
/// The other subscriptions are not affected.
pub(crate) fn set_first_events(socket: impl AsFd, events: [u8; 2]) -> Result<(), Errno> {
    set(socket, SCTP_EVENTS, &events)
}

/// `setsockopt(socket, SOL_SCTP, SCTP_EVENT, …)`: subscribes to one event.
pub(crate) fn set_event(socket: impl AsFd, assoc_id: AssocId, kind: u16) -> Result<(), Errno> {
    let event = Event {
        assoc_id,
        kind,
        on: 1,
        unused: 0,
    };
    set(socket, SCTP_EVENT, &event)
}

/// `setsockopt(socket, SOL_SCTP, SCTP_RECVRCVINFO, …)`.
pub(crate) fn set_recvrcvinfo(socket: impl AsFd) -> Result<(), Errno> {
    set(socket, SCTP_RECVRCVINFO, &1)
}

fn set<T: Plain>(socket: impl AsFd, option: c_int, value: &T) -> Result<(), Errno> {
    setsockopt(socket.as_fd().as_raw_fd(), option, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_returns_as_many_ids_as_the_first_element_says() {
        let buffer = [2, 5, 0, 9].map(AssocId::from_raw);
        assert_eq!(listed(&buffer), Some(&buffer[1..3]));
        assert_eq!(listed(&buffer[..3]), Some(&buffer[1..3]));
        for wrong in [&buffer[..0], &buffer[..2], &[-1, 5].map(AssocId::from_raw)] {
            assert_eq!(listed(wrong), None);
        }
    }
}
