//! The constants and layouts, compared with libc. The compiler evaluates the assertions,
//! so that `cargo check --tests --target x86_64-unknown-freebsd` is sufficient.

use core::mem::{offset_of, size_of};
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::*;
use crate::uapi::{Event, SCTP_ALL_ASSOC, SOL_SCTP};

macro_rules! assert_same {
    ($($ours:expr => $libc:expr),+ $(,)?) => {$(
        const _: () = assert!($ours == $libc);
    )+};
}

assert_same! {
    SOL_SCTP => libc::IPPROTO_SCTP,
    SCTP_ALL_ASSOC.as_raw() => libc::SCTP_ALL_ASSOC,
    SCTP_EVENTS => libc::SCTP_EVENTS,
    SCTP_REUSE_PORT => libc::SCTP_REUSE_PORT,
    SCTP_EVENT => libc::SCTP_EVENT,
    SCTP_RECVRCVINFO => libc::SCTP_RECVRCVINFO,
    SCTP_STATUS => libc::SCTP_STATUS,
    SCTP_GET_PEER_ADDR_INFO => libc::SCTP_GET_PEER_ADDR_INFO,
    SCTP_GET_ASSOC_NUMBER => libc::SCTP_GET_ASSOC_NUMBER,
    SCTP_GET_ASSOC_ID_LIST => libc::SCTP_GET_ASSOC_ID_LIST,
    MSG_NOTIFICATION => libc::MSG_NOTIFICATION as u32,
    SCTP_SNDRCV => libc::SCTP_SNDRCV,
    SCTP_RCVINFO => libc::SCTP_RCVINFO,
    SCTP_COMM_UP as c_int => libc::SCTP_COMM_UP,
    SCTP_COMM_LOST as c_int => libc::SCTP_COMM_LOST,
    SCTP_RESTART as c_int => libc::SCTP_RESTART,
    SCTP_SHUTDOWN_COMP as c_int => libc::SCTP_SHUTDOWN_COMP,
    SCTP_CANT_STR_ASSOC as c_int => libc::SCTP_CANT_STR_ASSOC,
}

#[cfg(feature = "alloc")]
assert_same!(SCTP_PEER_ADDR_PARAMS => libc::SCTP_PEER_ADDR_PARAMS);

assert_same! {
    size_of::<AssocId>() => size_of::<libc::sctp_assoc_t>(),
    // libc has no `sctp_paddrinfo`.
    size_of::<PeerAddress>() => 152,
    offset_of!(PeerAddress, address) => 0,
    offset_of!(PeerAddress, assoc_id) => size_of::<libc::sockaddr_storage>(),
    size_of::<Event>() => size_of::<libc::sctp_event>(),
    offset_of!(Event, assoc_id) => offset_of!(libc::sctp_event, se_assoc_id),
    offset_of!(Event, kind) => offset_of!(libc::sctp_event, se_type),
    offset_of!(Event, on) => offset_of!(libc::sctp_event, se_on),
}

const V4: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));
const V6: SocketAddr = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 0, 0));

assert_same! {
    family(&V4)[0] as usize => size_of::<libc::sockaddr_in>(),
    family(&V4)[1] as c_int => libc::AF_INET,
    family(&V6)[0] as usize => size_of::<libc::sockaddr_in6>(),
    family(&V6)[1] as c_int => libc::AF_INET6,
    offset_of!(libc::sockaddr_in, sin_family) => 1,
    offset_of!(libc::sockaddr_in, sin_port) => 2,
    offset_of!(libc::sockaddr_in, sin_addr) => 4,
    offset_of!(libc::sockaddr_in6, sin6_port) => 2,
    offset_of!(libc::sockaddr_in6, sin6_addr) => 8,
    offset_of!(libc::sockaddr_in6, sin6_scope_id) => 24,
}
