//! The protocol and the style of a socket.

use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{socket_protocol, socket_type};
use rustix::net::{SocketType, ipproto};

/// Whether the kernel moves the association before it allocates a descriptor, and
/// terminates the association if no descriptor is free.
pub(crate) const MOVES_FIRST: bool = true;

/// Whether `SO_PROTOCOL` is `IPPROTO_SCTP`.
pub(crate) fn is_sctp(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(socket_protocol(socket)? == Some(ipproto::SCTP))
}

/// Whether `SO_TYPE` is `SOCK_STREAM`. A peeled-off socket keeps the type of its
/// one-to-many socket.
pub(crate) fn is_one_to_one(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(socket_type(socket)? == SocketType::STREAM)
}

/// Whether the kernel refuses an id list for this socket. A peeled-off socket has one.
#[cfg(feature = "alloc")]
pub(crate) use is_one_to_one as has_no_id_list;
