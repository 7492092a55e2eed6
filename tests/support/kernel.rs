//! The version of the running kernel, and the options that it supports.

use rustix::io::Errno;
use rustix::net::SocketType;
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF_FLAGS, SOL_SCTP};

/// The major and minor version of the running kernel.
pub fn version() -> (u32, u32) {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut parts = release.split(['.', '-']);
    let mut number = || parts.next()?.parse().ok();
    number().zip(number()).expect("a version")
}

/// Whether `SCTP_SOCKOPT_PEELOFF_FLAGS` is available. Linux 4.13 and later have it. A seccomp
/// filter may simulate an earlier kernel.
pub fn has_flags_option() -> bool {
    let socket = super::socket(super::Family::V4, SocketType::SEQPACKET);
    let option = SCTP_SOCKOPT_PEELOFF_FLAGS;
    match super::option::get(&socket, SOL_SCTP, option, &mut []) {
        Err(Errno::INVAL) => true,
        Err(Errno::NOPROTOOPT) => false,
        result => panic!("{result:?}"),
    }
}
