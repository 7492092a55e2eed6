//! SCTP socket options that rustix does not support.
#![allow(unsafe_code, reason = "getsockopt and setsockopt")]

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use sctp_peeloff::sockopt::SOL_SCTP;

#[cfg(target_os = "linux")]
pub use super::packets::{
    abort_unnoticed, detach_filter, drop_chunks, drop_packets, let_packets_in,
};

pub const SCTP_RTOINFO: i32 = 0;
pub const SCTP_NODELAY: i32 = 3;
pub const SCTP_ADAPTATION_LAYER: i32 = 7;
pub const SCTP_EVENTS: i32 = 11;
pub const SCTP_RECVRCVINFO: i32 = 32;
pub const SCTP_EVENT: i32 = 127;
pub const SCTP_SOCKOPT_CONNECTX3: i32 = 111;

pub fn set(socket: impl AsFd, level: i32, option: i32, value: &[u8]) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(value.len()).expect("a short value");
    let (fd, value) = (socket.as_fd().as_raw_fd(), value.as_ptr().cast());
    // SAFETY: `value` is valid for reads of `length` bytes.
    let done = unsafe { libc::setsockopt(fd, level, option, value, length) };
    if done < 0 { Err(last_errno()) } else { Ok(()) }
}

pub fn get(socket: impl AsFd, level: i32, option: i32, value: &mut [u8]) -> Result<usize, Errno> {
    let mut length = libc::socklen_t::try_from(value.len()).expect("a short value");
    let (fd, value) = (socket.as_fd().as_raw_fd(), value.as_mut_ptr().cast());
    // SAFETY: `value` is valid for writes of `length` bytes.
    let done = unsafe { libc::getsockopt(fd, level, option, value, &raw mut length) };
    let length = usize::try_from(length).expect("a length");
    if done < 0 {
        Err(last_errno())
    } else {
        Ok(length)
    }
}

/// Sets an SCTP option that consists of 32-bit words.
pub fn set_words(socket: impl AsFd, option: i32, words: &[i32]) {
    let value: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    set(socket, SOL_SCTP, option, &value).expect("an SCTP option");
}

pub fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).expect("an errno")
}

/// Enables `SCTP_RCVINFO` control messages.
pub fn receive_info(socket: impl AsFd) {
    sctp_peeloff::set_recvrcvinfo(socket).expect("SCTP_RECVRCVINFO");
}

/// Subscribes to `SCTP_ASSOC_CHANGE`. Passes only the leading bytes of the struct, because
/// kernels reject a struct that is longer than their own.
pub fn subscribe_assoc_change(socket: impl AsFd) {
    set(socket, SOL_SCTP, SCTP_EVENTS, &[0, 1]).expect("SCTP_EVENTS");
}

/// Subscribes to `SCTP_ASSOC_CHANGE` and `SCTP_SHUTDOWN_EVENT`.
pub fn subscribe_ends(socket: impl AsFd) {
    set(socket, SOL_SCTP, SCTP_EVENTS, &[0, 1, 0, 0, 0, 1]).expect("SCTP_EVENTS");
}

/// Makes close(2) abort the association (`SO_LINGER` with a time of 0).
pub fn abort_on_close(socket: impl AsFd) {
    rustix::net::sockopt::set_socket_linger(socket, Some(std::time::Duration::ZERO))
        .expect("SO_LINGER");
}
