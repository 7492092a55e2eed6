//! FreeBSD's `netinet/sctp.h` and `netinet/sctp_uio.h`, and the layout of
//! `struct cmsghdr` and `struct sockaddr`.

use core::ffi::c_int;
use core::net::SocketAddr;

use rustix::io::Errno;

use super::Plain;
use crate::assoc_id::AssocId;

/// `struct sctp_paddrparams`: the parameters of a peer's address.
#[cfg(feature = "alloc")]
pub(crate) const SCTP_PEER_ADDR_PARAMS: c_int = 0x0a;
/// `struct sctp_event_subscribe`: all event subscriptions of a socket. Deprecated.
pub(crate) const SCTP_EVENTS: c_int = 0x0c;
/// `uint32_t`: whether one-to-one sockets can share a port.
pub(crate) const SCTP_REUSE_PORT: c_int = 0x1c;
/// `struct sctp_event`: one event subscription.
pub(crate) const SCTP_EVENT: c_int = 0x1e;
/// `int`: whether `recvmsg` delivers a `struct sctp_rcvinfo` with each message.
pub(crate) const SCTP_RECVRCVINFO: c_int = 0x1f;
/// `struct sctp_status`: the state of an association.
pub const SCTP_STATUS: c_int = 0x100;
/// `struct sctp_paddrinfo`: an address of a peer, and its association.
pub const SCTP_GET_PEER_ADDR_INFO: c_int = 0x101;
/// `uint32_t`: the number of associations on the socket.
pub const SCTP_GET_ASSOC_NUMBER: c_int = 0x104;
/// `struct sctp_assoc_ids`: the ids of the associations on the socket.
pub const SCTP_GET_ASSOC_ID_LIST: c_int = 0x105;

/// The notification that reports an association's set-up, restart and end.
pub(crate) const SCTP_ASSOC_CHANGE: u16 = 1;
/// In `msg_flags`: `recvmsg` delivered a notification, not a message.
pub(crate) const MSG_NOTIFICATION: u32 = 0x2000;
/// `cmsg_type` of a `struct sctp_sndrcvinfo`.
pub(crate) const SCTP_SNDRCV: c_int = 2;
/// `cmsg_type` of a `struct sctp_rcvinfo`.
pub(crate) const SCTP_RCVINFO: c_int = 5;

/// The values of `sac_state`.
pub(crate) const SCTP_COMM_UP: u16 = 1;
pub(crate) const SCTP_COMM_LOST: u16 = 2;
pub(crate) const SCTP_RESTART: u16 = 3;
pub(crate) const SCTP_SHUTDOWN_COMP: u16 = 4;
pub(crate) const SCTP_CANT_STR_ASSOC: u16 = 5;

/// The lowest state that `SCTP_STATUS` reports: `SCTP_CLOSED`.
pub(crate) const LOWEST_STATE: i32 = 0;

/// The errnos with which a peel-off fails because of the socket or the id. `ENOTCONN`
/// is returned for an association in a state in which it cannot move.
pub(crate) const REFUSED: [Errno; 3] = [Errno::NOENT, Errno::OPNOTSUPP, Errno::NOTCONN];
/// The errno if the socket is not a one-to-many socket.
pub(crate) const WRONG_SOCKET: Errno = Errno::OPNOTSUPP;
/// The errno if the id or the address is not found.
pub(crate) const NOT_FOUND: Errno = Errno::NOENT;
/// The errno of the id list if the socket has no such list.
#[cfg(feature = "alloc")]
pub(crate) const NO_LIST: Errno = Errno::INVAL;
/// The number of elements beyond which the kernel refuses an id list: an option has at
/// most 64 KiB.
#[cfg(feature = "alloc")]
pub(crate) const MAX_LIST: usize = 64 * 1024 / size_of::<AssocId>();

plain!(PeerAddress);

/// `struct sctp_paddrinfo` and the common beginning of `struct sctp_paddrparams`. Both
/// are 152 bytes long.
#[repr(C)]
pub(crate) struct PeerAddress {
    pub(super) address: [u8; 128],
    pub(crate) assoc_id: AssocId,
    pub(super) rest: [u32; 5],
}

/// The size of `cmsg_len`, a `socklen_t`.
pub(crate) const CMSG_LEN: usize = size_of::<u32>();

/// Decodes `cmsg_len`.
pub(crate) fn cmsg_len(bytes: [u8; CMSG_LEN]) -> usize {
    u32::from_ne_bytes(bytes) as usize
}

/// The beginning of a `struct sockaddr`: a length and a family of 8 bits each.
pub(super) const fn family(address: &SocketAddr) -> [u8; 2] {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 28;
    match address {
        SocketAddr::V4(_) => [16, AF_INET],
        SocketAddr::V6(_) => [28, AF_INET6],
    }
}

#[cfg(test)]
mod tests;
