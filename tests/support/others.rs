//! File descriptors that are not SCTP sockets.
#![allow(unsafe_code, reason = "one of the descriptors is not open")]

use std::net::{TcpListener, UdpSocket};
use std::num::NonZeroU32;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{self, AddressFamily, Protocol, SocketType};

/// Sockets of other protocols, with their names. getsockopt at level `SOL_SCTP` fails with
/// `EOPNOTSUPP` on some and with `ENOPROTOOPT` on the others.
pub fn not_sctp() -> [(&'static str, OwnedFd); 6] {
    let tcp = |address| OwnedFd::from(TcpListener::bind(address).expect("TCP"));
    let udp = |address| OwnedFd::from(UdpSocket::bind(address).expect("UDP"));
    let unix = UnixDatagram::unbound().expect("a Unix socket");
    let netlink = net::socket(AddressFamily::NETLINK, SocketType::DGRAM, None);
    [
        ("TCP over IPv4", tcp("127.0.0.1:0")),
        ("TCP over IPv6", tcp("[::1]:0")),
        ("UDP over IPv4", udp("127.0.0.1:0")),
        ("UDP over IPv6", udp("[::1]:0")),
        ("Unix", unix.into()),
        ("netlink", netlink.expect("a netlink socket")),
    ]
}

/// Sockets on which getsockopt at level `SOL_SCTP` fails with `EINVAL`.
pub fn with_einval() -> Vec<OwnedFd> {
    let can_raw = Protocol::from_raw(NonZeroU32::MIN);
    let can = net::socket(AddressFamily::CAN, SocketType::RAW, Some(can_raw));
    let mut sockets = vec![can.expect("a CAN socket")];
    // Debian's kernel for s390x has no LLC sockets.
    if cfg!(not(target_arch = "s390x")) {
        let llc = net::socket(AddressFamily::LLC, SocketType::DGRAM, None);
        sockets.push(llc.expect("an LLC socket"));
    }
    sockets
}

pub fn file() -> OwnedFd {
    open("/dev/null", OFlags::RDWR, Mode::empty()).expect("a file")
}

pub fn path() -> OwnedFd {
    open("/dev/null", OFlags::PATH, Mode::empty()).expect("a path")
}

/// A file descriptor that is not open.
pub fn closed() -> BorrowedFd<'static> {
    // SAFETY: the value is above the highest possible descriptor limit. The kernel never
    // opens this descriptor, so no other code owns it.
    unsafe { BorrowedFd::borrow_raw(i32::MAX - 1) }
}
