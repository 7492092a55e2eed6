//! `include/uapi/linux/sctp.h`, and the layout of `struct cmsghdr` and `struct sockaddr`.
//!
//! The constants are defined here because libc has them on some Linux targets only.

use core::ffi::{c_int, c_uint};
use core::net::SocketAddr;

use rustix::io::Errno;

use super::Plain;
use crate::assoc_id::AssocId;

/// `struct sctp_paddrparams`: the parameters of a peer's address.
#[cfg(feature = "alloc")]
pub(crate) const SCTP_PEER_ADDR_PARAMS: c_int = 9;
/// `struct sctp_event_subscribe`: all event subscriptions of a socket.
pub(crate) const SCTP_EVENTS: c_int = 11;
/// `struct sctp_status`: the state of an association.
pub const SCTP_STATUS: c_int = 14;
/// `struct sctp_paddrinfo`: an address of a peer, and its association.
pub const SCTP_GET_PEER_ADDR_INFO: c_int = 15;
/// `uint32_t`: the number of associations on the socket.
pub const SCTP_GET_ASSOC_NUMBER: c_int = 28;
/// `struct sctp_assoc_ids`: the ids of the associations on the socket.
pub const SCTP_GET_ASSOC_ID_LIST: c_int = 29;
/// `int`: whether `recvmsg` delivers a `struct sctp_rcvinfo` with each message.
pub(crate) const SCTP_RECVRCVINFO: c_int = 32;
/// `sctp_peeloff_arg_t`: peels off an association.
pub const SCTP_SOCKOPT_PEELOFF: c_int = 102;
/// `sctp_peeloff_flags_arg_t`: peels off an association, with flags. Linux 4.13 and
/// later.
pub const SCTP_SOCKOPT_PEELOFF_FLAGS: c_int = 122;
/// `struct sctp_event`: one event subscription. Linux 5.0 and later.
pub(crate) const SCTP_EVENT: c_int = 127;

/// The notification that reports an association's set-up, restart and end.
pub(crate) const SCTP_ASSOC_CHANGE: u16 = 0x8001;
/// In `msg_flags`: `recvmsg` delivered a notification, not a message.
pub(crate) const MSG_NOTIFICATION: u32 = 0x8000;
/// `cmsg_type` of a `struct sctp_sndrcvinfo`.
pub(crate) const SCTP_SNDRCV: c_int = 1;
/// `cmsg_type` of a `struct sctp_rcvinfo`.
pub(crate) const SCTP_RCVINFO: c_int = 3;

/// `enum sctp_sac_state`.
pub(crate) const SCTP_COMM_UP: u16 = 0;
pub(crate) const SCTP_COMM_LOST: u16 = 1;
pub(crate) const SCTP_RESTART: u16 = 2;
pub(crate) const SCTP_SHUTDOWN_COMP: u16 = 3;
pub(crate) const SCTP_CANT_STR_ASSOC: u16 = 4;

/// The lowest state that `SCTP_STATUS` reports: `SCTP_CLOSED`.
pub(crate) const LOWEST_STATE: i32 = 1;

/// The errnos with which a peel-off fails because of the socket or the id.
pub(crate) const REFUSED: [Errno; 1] = [Errno::INVAL];
/// The errno if the socket is not a one-to-many socket.
pub(crate) const WRONG_SOCKET: Errno = Errno::INVAL;
/// The errno if the id or the address is not found.
pub(crate) const NOT_FOUND: Errno = Errno::INVAL;
/// The errno of the id list if the socket has no such list.
#[cfg(feature = "alloc")]
pub(crate) const NO_LIST: Errno = Errno::OPNOTSUPP;
/// The number of elements beyond which the kernel refuses an id list: an option has less
/// than 2 GiB.
#[cfg(feature = "alloc")]
pub(crate) const MAX_LIST: usize = i32::MAX as usize / size_of::<AssocId>();

plain!(PeeloffArg, PeeloffFlagsArg, PeerAddress);

/// `sctp_peeloff_arg_t`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct PeeloffArg {
    pub(crate) associd: AssocId,
    pub(crate) sd: c_int,
}

/// `sctp_peeloff_flags_arg_t`.
#[repr(C)]
pub(crate) struct PeeloffFlagsArg {
    pub(crate) p_arg: PeeloffArg,
    pub(crate) flags: c_uint,
}

/// The common beginning of `struct sctp_paddrinfo` (152 bytes) and
/// `struct sctp_paddrparams` (156 bytes), in the size of the larger struct. The kernel
/// accepts a value that is longer than its struct.
#[repr(C)]
pub(crate) struct PeerAddress {
    pub(crate) assoc_id: AssocId,
    pub(super) address: [u8; 128],
    pub(super) rest: [u32; 6],
}

/// The size of `cmsg_len`, a `size_t`.
pub(crate) const CMSG_LEN: usize = size_of::<usize>();

/// Decodes `cmsg_len`.
pub(crate) fn cmsg_len(bytes: [u8; CMSG_LEN]) -> usize {
    usize::from_ne_bytes(bytes)
}

/// The beginning of a `struct sockaddr`: a family of 16 bits.
pub(super) fn family(address: &SocketAddr) -> [u8; 2] {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    match address {
        SocketAddr::V4(_) => AF_INET.to_ne_bytes(),
        SocketAddr::V6(_) => AF_INET6.to_ne_bytes(),
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
pub(crate) mod header;
#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests;
