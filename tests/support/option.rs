//! SCTP options that rustix does not set.
#![allow(
    unsafe_code,
    reason = "setsockopt of options that rustix does not know"
)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;
use sctp_peeloff::sockopt::SOL_SCTP;

pub const SCTP_NODELAY: i32 = 3;
pub const SCTP_EVENTS: i32 = 11;
pub const SCTP_RECVRCVINFO: i32 = 32;

pub fn set(socket: BorrowedFd<'_>, level: i32, option: i32, value: &[u8]) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(value.len()).expect("a short value");
    // SAFETY: pointer and length are those of a live slice, which the kernel reads.
    let returned = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            value.as_ptr().cast(),
            length,
        )
    };
    if returned == 0 {
        Ok(())
    } else {
        Err(last_errno())
    }
}

pub fn get(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
    value: &mut [u8],
) -> Result<usize, Errno> {
    let mut length = libc::socklen_t::try_from(value.len()).expect("a short value");
    // SAFETY: pointer and length are those of a live slice, which the kernel writes.
    let returned = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if returned == 0 {
        Ok(length as usize)
    } else {
        Err(last_errno())
    }
}

pub fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).expect("an errno")
}

/// Each message comes with `struct sctp_rcvinfo`.
pub fn receive_info(socket: impl AsFd) {
    set(
        socket.as_fd(),
        SOL_SCTP,
        SCTP_RECVRCVINFO,
        &1_i32.to_ne_bytes(),
    )
    .expect("SCTP_RECVRCVINFO");
}

/// Reports the comings and goings of associations (`SCTP_ASSOC_CHANGE`) among the
/// messages. Only the leading bytes: old kernels refuse what they do not know.
pub fn subscribe_assoc_change(socket: impl AsFd) {
    set(socket.as_fd(), SOL_SCTP, SCTP_EVENTS, &[0, 1]).expect("SCTP_EVENTS");
}

/// Closing the socket aborts its association.
pub fn abort_on_close(socket: impl AsFd) {
    rustix::net::sockopt::set_socket_linger(socket, Some(std::time::Duration::ZERO))
        .expect("SO_LINGER");
}
