//! The kernel's interface: constants and structs, for each system.
//!
//! Other systems than Linux and FreeBSD have Linux's constants, which no system call
//! receives.

use core::ffi::c_int;
use core::net::SocketAddr;

use crate::assoc_id::AssocId;

/// The level of every SCTP option: `IPPROTO_SCTP`.
pub const SOL_SCTP: c_int = 132;
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
        // that leave no padding; the tests compare the offsets with the system's header
        // or with libc. Every bit pattern is a valid integer.
        unsafe impl Plain for $type {}
    )+};
}

plain!(Status, Event, c_int, u32, [AssocId], [u32; 0], [u8; 2]);

#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(not(target_os = "freebsd"))]
#[cfg_attr(
    not(target_os = "linux"),
    allow(
        dead_code,
        unreachable_pub,
        reason = "no system call receives these constants"
    )
)]
mod linux;

#[cfg(target_os = "freebsd")]
use freebsd as system;
#[cfg(not(target_os = "freebsd"))]
use linux as system;

pub use system::*;

/// `struct sctp_status`. Only the id and the state are used.
#[repr(C)]
pub(crate) struct Status {
    pub(crate) assoc_id: AssocId,
    pub(crate) state: i32,
    rest: [u32; 42],
}

impl Status {
    pub(crate) const fn new(assoc_id: AssocId) -> Self {
        Self {
            assoc_id,
            state: 0,
            rest: [0; 42],
        }
    }
}

impl PeerAddress {
    pub(crate) fn new(assoc_id: AssocId, peer: SocketAddr) -> Self {
        Self {
            assoc_id,
            address: sockaddr_storage(peer),
            rest: Default::default(),
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
    let mut storage = [0; 128];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        storage[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&system::family(&address));
    match address {
        SocketAddr::V4(v4) => {
            put(&v4.port().to_be_bytes());
            put(&v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
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

#[cfg(test)]
mod tests;
