//! The kernel's options, one function each, and one `getsockopt` each.
//!
//! These functions add nothing to the system call: no guard, no fallback and no
//! diagnosis. An error is the kernel's [`Errno`]. Use them if you count system calls.
//! **If no descriptor is free, the kernel terminates the association** that
//! [`peeloff`] or [`peeloff_flags`] of this module names. The functions of the same
//! name at the crate's root check for a free descriptor first.
//!
//! If a peel-off returns an ambiguous result, such as descriptor 0, up to three more
//! system calls verify the descriptor.
//!
//! # References
//!
//! - [`net/sctp/socket.c`], `sctp_getsockopt`
//! - [`include/uapi/linux/sctp.h`], the constants and the structs
//! - [RFC 6458], the sockets API for SCTP
//!
//! [`net/sctp/socket.c`]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/sctp/socket.c
//! [`include/uapi/linux/sctp.h`]: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/sctp.h
//! [RFC 6458]: https://www.rfc-editor.org/rfc/rfc6458

use core::ffi::c_int;
use core::net::SocketAddr;

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;

use crate::adopt;
use crate::assoc_id::AssocId;
use crate::backend::{getsockopt, setsockopt};
use crate::flags::PeeloffFlags;
use crate::uapi::{
    Event, PeeloffArg, PeeloffFlagsArg, PeerAddress, Plain, SCTP_EVENT, SCTP_EVENTS,
    SCTP_RECVRCVINFO, Status,
};

#[cfg(feature = "alloc")]
use crate::uapi::SCTP_PEER_ADDR_PARAMS;

pub use crate::uapi::{
    SCTP_GET_ASSOC_ID_LIST, SCTP_GET_ASSOC_NUMBER, SCTP_GET_PEER_ADDR_INFO, SCTP_SOCKOPT_PEELOFF,
    SCTP_SOCKOPT_PEELOFF_FLAGS, SCTP_STATUS, SOL_SCTP,
};

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF, …)`—Peels off an association into
/// a descriptor without flags.
///
/// # Errors
///
/// | errno | condition | state of the association |
/// |---|---|---|
/// | `EBADF` | not an open descriptor, or opened with `O_PATH` | not affected |
/// | `ENOTSOCK` | not a socket | not affected |
/// | `EOPNOTSUPP`, `ENOPROTOOPT` | a socket of another protocol, or an emulator or sandbox without SCTP options | not affected |
/// | `EINVAL` | no such association; a one-to-one or peeled-off socket; a socket of another network namespace | not affected |
/// | `EBUSY` | a sender is blocked on the association (kernels around 4.10 to 4.14) | not affected |
/// | `EMFILE`, `ENFILE` | no descriptor is free | **terminated** |
/// | `ENOMEM`, `ENOBUFS` | out of memory | not affected or **terminated** |
/// | `EFAULT` | the kernel cannot read the argument, or cannot write the result | not affected or **terminated** |
/// | `EPERM`, `EACCES` | denied by a security module, seccomp or a cgroup BPF program | unknown |
/// | `EBADMSG` | a cgroup BPF program (Linux 5.3 to 6.4) or a seccomp filter has overwritten the result | unknown |
///
/// Any other errno is a seccomp filter's, and leaves the state unknown.
#[doc(alias = "SCTP_SOCKOPT_PEELOFF")]
#[doc(alias = "sctp_peeloff")]
#[inline]
pub fn peeloff(socket: impl AsFd, assoc: AssocId) -> Result<OwnedFd, Errno> {
    adopt::peeloff::<PeeloffArg>(socket.as_fd(), assoc, PeeloffFlags::empty())
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, …)`—Peels off an
/// association into a descriptor with flags.
///
/// The option exists on Linux 4.13 and later ([commit 2cb5c8e378d1]). The kernel ignores
/// bits that are not [`PeeloffFlags`].
///
/// # Errors
///
/// The errors of [`peeloff`]. On kernels before 4.13 this function fails with
/// `ENOPROTOOPT`, and the association is not affected.
///
/// [commit 2cb5c8e378d1]: https://git.kernel.org/torvalds/c/2cb5c8e378d1
#[doc(alias = "SCTP_SOCKOPT_PEELOFF_FLAGS")]
#[doc(alias = "sctp_peeloff_flags")]
#[inline]
pub fn peeloff_flags(
    socket: impl AsFd,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Errno> {
    adopt::peeloff::<PeeloffFlagsArg>(socket.as_fd(), assoc, flags)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, NULL, 0)`—Returns whether
/// an SCTP socket has the option of [`peeloff_flags`].
///
/// The call has no effect: an argument of 0 bytes is too short, so the kernel returns
/// `EINVAL` if it has the option, and `ENOPROTOOPT` if it does not. The result says
/// nothing about a socket of another protocol.
///
/// # Errors
///
/// `EBADF`, `ENOTSOCK`, `EOPNOTSUPP`, and the errors of a security module.
pub fn has_peeloff_flags(socket: impl AsFd) -> Result<bool, Errno> {
    let socket = socket.as_fd().as_raw_fd();
    match getsockopt(socket, SCTP_SOCKOPT_PEELOFF_FLAGS, &mut [0_u32; 0]) {
        Ok(_) | Err(Errno::INVAL) => Ok(true),
        Err(Errno::NOPROTOOPT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_NUMBER, …)`—Returns the number of
/// associations on the socket, including those that are still being set up.
///
/// # Errors
///
/// `EOPNOTSUPP` for a one-to-one socket; `EOPNOTSUPP` or `ENOPROTOOPT` for a socket of
/// another protocol; `EBADF`, `ENOTSOCK`.
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
/// The buffer must have one element more than there are ids, because the kernel writes
/// their number in front of them. An association that is still being set up from this
/// side may be listed as 0, which is not an id.
///
/// # Errors
///
/// `EINVAL` if the buffer is too short for all ids; `EOPNOTSUPP` for a one-to-one
/// socket; `EOPNOTSUPP` or `ENOPROTOOPT` for a socket of another protocol; `EBADF`,
/// `ENOTSOCK`.
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
/// Any address of a multi-homed peer is accepted. For an association that is still being
/// set up the id may be 0, which is not an id.
///
/// # Errors
///
/// `EINVAL` if no association has a peer with this address; `EACCES` if
/// `net.sctp.pf_expose` is 1 and the path to this address is potentially failed;
/// `EOPNOTSUPP` or `ENOPROTOOPT` for a socket of another protocol; `EBADF`, `ENOTSOCK`.
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
/// On a one-to-one or peeled-off socket the kernel ignores the id. There the function
/// returns whether the socket has an association.
///
/// # Errors
///
/// `EOPNOTSUPP` or `ENOPROTOOPT` for a socket of another protocol; `EBADF`, `ENOTSOCK`.
#[doc(alias = "SCTP_STATUS")]
pub fn has_assoc(socket: impl AsFd, assoc: AssocId) -> Result<bool, Errno> {
    found(getsockopt(
        socket.as_fd().as_raw_fd(),
        SCTP_STATUS,
        &mut Status::new(assoc),
    ))
}

/// The kernel returns `EINVAL` if it does not find the association or its peer.
fn found(result: Result<c_int, Errno>) -> Result<bool, Errno> {
    match result {
        Ok(_) => Ok(true),
        Err(Errno::INVAL) => Ok(false),
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

/// `setsockopt(socket, SOL_SCTP, SCTP_EVENTS, …)`: the same. The kernel leaves the other
/// subscriptions as they are.
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
