//! FreeBSD: libc's `sctp_peeloff`, and the protocol and the style of a socket.
#![expect(
    unsafe_code,
    reason = "a call to a libc function, and ownership of its result"
)]

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::ipproto;
use rustix::net::sockopt::socket_protocol;

use super::calls::or_errno;
use super::{getsockopt, result};
use crate::assoc_id::AssocId;
use crate::uapi::SCTP_REUSE_PORT;
#[cfg(feature = "alloc")]
use crate::uapi::{NO_LIST, SCTP_GET_ASSOC_NUMBER};

/// Whether the kernel moves the association before it allocates a descriptor. If it does
/// not, no failed peel-off affects the association.
pub(crate) const MOVES_FIRST: bool = false;

/// `sctp_peeloff(socket, assoc)`—Peels off an association into a descriptor that has the
/// socket's `O_NONBLOCK`, and never `FD_CLOEXEC`.
///
/// The function makes two system calls. The first one reads `SO_PROTOCOL`: on a kernel
/// without SCTP, `sctp_peeloff` raises `SIGSYS`. An SCTP socket shows that the kernel has
/// SCTP.
///
/// The kernel allocates the descriptor before it moves the association, so that no error
/// affects the association.
///
/// # Errors
///
/// | errno | condition |
/// |---|---|
/// | `EBADF` | not an open descriptor |
/// | `ENOTSOCK` | not a socket |
/// | `EOPNOTSUPP` | a socket of another protocol; a one-to-one or peeled-off socket |
/// | `ENOENT` | no such association |
/// | `ENOTCONN` | the association is in a state in which it cannot move |
/// | `EMFILE`, `ENFILE` | no descriptor is free |
/// | `ENOMEM` | out of memory |
/// | `ECAPMODE`, `ENOTCAPABLE` | denied by Capsicum |
///
/// # References
///
/// - [`sctp_peeloff(2)`](https://man.freebsd.org/cgi/man.cgi?query=sctp_peeloff)
#[doc(alias = "sctp_peeloff")]
pub fn peeloff(socket: impl AsFd, assoc: AssocId) -> Result<OwnedFd, Errno> {
    let socket = socket.as_fd();
    if !is_sctp(socket)? {
        return Err(Errno::OPNOTSUPP);
    }
    #[expect(clippy::cast_sign_loss, reason = "sctp_assoc_t is unsigned here")]
    let id = assoc.as_raw() as libc::sctp_assoc_t;
    // SAFETY: `socket` is open, and the kernel has SCTP, as the socket's protocol shows.
    let fd = result(or_errno(unsafe {
        libc::sctp_peeloff(socket.as_raw_fd(), id)
    }))?;
    // SAFETY: libc guarantees that the result of a successful call is the new
    // descriptor. The kernel gives a new descriptor to this call alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether `SO_PROTOCOL` is `IPPROTO_SCTP`.
pub(crate) fn is_sctp(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(socket_protocol(socket)? == Some(ipproto::SCTP))
}

/// Whether the socket has the option `SCTP_REUSE_PORT`, which one-to-one sockets have
/// alone ([RFC 6458, section 8.1.27]). `SO_TYPE` does not distinguish the styles: on
/// FreeBSD 15 a peeled-off socket is a `SOCK_STREAM` socket, on FreeBSD 13 a
/// `SOCK_SEQPACKET` socket.
///
/// [RFC 6458, section 8.1.27]: https://www.rfc-editor.org/rfc/rfc6458#section-8.1.27
pub(crate) fn is_one_to_one(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    match getsockopt(socket.as_raw_fd(), SCTP_REUSE_PORT, &mut 0_u32) {
        Ok(_) => Ok(true),
        Err(Errno::INVAL) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether the kernel refuses an id list for this socket. One-to-one and peeled-off
/// sockets have no list.
#[cfg(feature = "alloc")]
pub(crate) fn has_no_id_list(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    match getsockopt(socket.as_raw_fd(), SCTP_GET_ASSOC_NUMBER, &mut 0_u32) {
        Ok(_) => Ok(false),
        Err(NO_LIST) => Ok(true),
        Err(errno) => Err(errno),
    }
}
