//! Constants and structs of `include/uapi/linux/sctp.h`.
//!
//! They are defined here because libc has them on some Linux targets only.

use core::ffi::{c_int, c_uint};
use core::net::SocketAddr;

use crate::assoc_id::AssocId;

/// The level of every SCTP option: `IPPROTO_SCTP`.
pub const SOL_SCTP: c_int = 132;
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
/// In `struct sctp_event`: all associations on the socket, and all later ones.
pub(crate) const SCTP_ALL_ASSOC: AssocId = AssocId::from_raw(2);

/// A value that the kernel may read and overwrite.
///
/// # Safety
///
/// The type has no padding, and any bytes are a valid value of the type.
#[expect(unsafe_code, reason = "a promise about bytes, which each impl makes")]
pub(crate) unsafe trait Plain {}

/// Implements [`Plain`] for types that consist of integers without padding.
macro_rules! plain {
    ($($type:ty),+ $(,)?) => {$(
        #[expect(unsafe_code, reason = "the promise of `Plain`")]
        // SAFETY: the type consists of integers, or of arrays of integers, at offsets
        // that leave no padding; `structs_match_the_header` in the tests checks the
        // offsets. Every bit pattern is a valid integer.
        unsafe impl Plain for $type {}
    )+};
}

plain!(
    PeeloffArg,
    PeeloffFlagsArg,
    PeerAddress,
    Status,
    Event,
    c_int,
    u32,
    [AssocId],
    [u32; 0],
    [u8; 2],
);

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

/// `struct sctp_status`. Only the id is used.
#[repr(C)]
pub(crate) struct Status {
    pub(crate) assoc_id: AssocId,
    rest: [u32; 43],
}

impl Status {
    pub(crate) const fn new(assoc_id: AssocId) -> Self {
        Self {
            assoc_id,
            rest: [0; 43],
        }
    }
}

/// The common beginning of `struct sctp_paddrinfo` (152 bytes) and
/// `struct sctp_paddrparams` (156 bytes), in the size of the larger struct. The kernel
/// accepts a value that is longer than its struct.
#[repr(C)]
pub(crate) struct PeerAddress {
    pub(crate) assoc_id: AssocId,
    address: [u8; 128],
    rest: [u32; 6],
}

impl PeerAddress {
    pub(crate) fn new(assoc_id: AssocId, peer: SocketAddr) -> Self {
        Self {
            assoc_id,
            address: sockaddr_storage(peer),
            rest: [0; 6],
        }
    }
}

/// `struct sctp_event`. Its last byte is padding in C.
#[repr(C)]
pub(crate) struct Event {
    pub(crate) assoc_id: AssocId,
    pub(crate) kind: u16,
    pub(crate) on: u8,
    pub(crate) unused: u8,
}

/// `struct sockaddr_in` or `sockaddr_in6`, in a `struct sockaddr_storage`.
fn sockaddr_storage(address: SocketAddr) -> [u8; 128] {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let mut storage = [0; 128];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        storage[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    match address {
        SocketAddr::V4(v4) => {
            put(&AF_INET.to_ne_bytes());
            put(&v4.port().to_be_bytes());
            put(&v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
            put(&AF_INET6.to_ne_bytes());
            put(&v6.port().to_be_bytes());
            // In the byte order in which std passes it. The kernel finds a peer by
            // address, port and scope id.
            put(&v6.flowinfo().to_ne_bytes());
            put(&v6.ip().octets());
            put(&v6.scope_id().to_ne_bytes());
        }
    }
    storage
}

#[cfg(all(test, not(miri)))]
pub(crate) mod header;
#[cfg(test)]
mod tests;
