//! The options' numbers and structs, as in `include/uapi/linux/sctp.h`.
//!
//! They are written down here because libc has them on some Linux targets only.

use core::ffi::{c_int, c_uint};
use core::net::SocketAddr;

use crate::AssocId;

/// The level of every SCTP option: `IPPROTO_SCTP`.
pub const SOL_SCTP: c_int = 132;
/// `struct sctp_paddrinfo`: an address of a peer, and its association.
pub const SCTP_GET_PEER_ADDR_INFO: c_int = 15;
/// `struct sctp_status`: an association's state.
pub const SCTP_STATUS: c_int = 14;
/// `uint32_t`: how many associations the socket has.
pub const SCTP_GET_ASSOC_NUMBER: c_int = 28;
/// `struct sctp_assoc_ids`: the ids of the socket's associations.
pub const SCTP_GET_ASSOC_ID_LIST: c_int = 29;
/// `sctp_peeloff_arg_t`: peel an association off.
pub const SCTP_SOCKOPT_PEELOFF: c_int = 102;
/// `sctp_peeloff_flags_arg_t`: peel an association off, with flags. Since Linux
/// 4.13.
pub const SCTP_SOCKOPT_PEELOFF_FLAGS: c_int = 122;

/// What the kernel may read and write as an option's value.
///
/// # Safety
///
/// The type has no padding, and any bytes are a value of it.
#[expect(unsafe_code, reason = "a promise about bytes, which each impl makes")]
pub(crate) unsafe trait Plain {}

/// Declares the promise for structs that hold nothing but 32-bit integers and
/// bytes in whole words, so that there is no padding.
macro_rules! plain {
    ($($type:ty),+ $(,)?) => {$(
        #[expect(unsafe_code, reason = "the promise of `Plain`")]
        // SAFETY: 32-bit integers, and arrays of them or of bytes in multiples
        // of four: no padding, and each pattern of bits is a value.
        unsafe impl Plain for $type {}
    )+};
}

plain!(
    PeeloffArg,
    PeeloffFlagsArg,
    PeerAddrInfo,
    Status,
    u32,
    [AssocId],
    [u32; 0]
);

/// `sctp_peeloff_arg_t`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct PeeloffArg {
    pub(crate) associd: AssocId,
    pub(crate) sd: c_int,
}

impl PeeloffArg {
    pub(crate) const fn new(associd: AssocId) -> Self {
        Self { associd, sd: -1 }
    }
}

/// `sctp_peeloff_flags_arg_t`.
#[repr(C)]
pub(crate) struct PeeloffFlagsArg {
    pub(crate) p_arg: PeeloffArg,
    pub(crate) flags: c_uint,
}

/// `struct sctp_status`; what stands behind the id is not looked at.
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

/// `struct sctp_paddrinfo`; what stands behind the address is not looked at.
#[repr(C)]
pub(crate) struct PeerAddrInfo {
    pub(crate) assoc_id: AssocId,
    address: [u8; 128],
    rest: [u32; 5],
}

impl PeerAddrInfo {
    pub(crate) fn new(peer: SocketAddr) -> Self {
        Self {
            assoc_id: AssocId::from_raw(0),
            address: sockaddr_storage(peer),
            rest: [0; 5],
        }
    }
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
            // As std passes it. The kernel finds the peer by address and port.
            put(&v6.flowinfo().to_ne_bytes());
            put(&v6.ip().octets());
            put(&v6.scope_id().to_ne_bytes());
        }
    }
    storage
}

#[cfg(test)]
mod tests;
