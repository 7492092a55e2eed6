//! SCTP options that rustix does not set.
#![allow(
    unsafe_code,
    reason = "setsockopt of options that rustix does not know"
)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;
use sctp_peeloff::sockopt::SOL_SCTP;

pub const SCTP_RTOINFO: i32 = 0;
pub const SCTP_NODELAY: i32 = 3;
pub const SCTP_ADAPTATION_LAYER: i32 = 7;
pub const SCTP_EVENTS: i32 = 11;
pub const SCTP_RECVRCVINFO: i32 = 32;
pub const SCTP_SOCKOPT_CONNECTX3: i32 = 111;

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

/// Sets an SCTP option that consists of 32-bit words.
pub fn set_words(socket: impl AsFd, option: i32, words: &[i32]) {
    let value: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    set(socket.as_fd(), SOL_SCTP, option, &value).expect("an SCTP option");
}

pub fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).expect("an errno")
}

/// Each message comes with `struct sctp_rcvinfo`.
pub fn receive_info(socket: impl AsFd) {
    sctp_peeloff::set_recvrcvinfo(socket).expect("SCTP_RECVRCVINFO");
}

/// Reports the comings and goings of associations (`SCTP_ASSOC_CHANGE`) among the
/// messages. Only the leading bytes: old kernels refuse what they do not know.
pub fn subscribe_assoc_change(socket: impl AsFd) {
    set(socket.as_fd(), SOL_SCTP, SCTP_EVENTS, &[0, 1]).expect("SCTP_EVENTS");
}

/// Reports their ends, by `SCTP_SHUTDOWN_EVENT` as well as `SCTP_ASSOC_CHANGE`.
pub fn subscribe_ends(socket: impl AsFd) {
    set(socket.as_fd(), SOL_SCTP, SCTP_EVENTS, &[0, 1, 0, 0, 0, 1]).expect("SCTP_EVENTS");
}

/// Closing the socket aborts its association.
pub fn abort_on_close(socket: impl AsFd) {
    rustix::net::sockopt::set_socket_linger(socket, Some(std::time::Duration::ZERO))
        .expect("SO_LINGER");
}

/// From now on the socket takes no packet in, and its peers' are as good as lost.
#[cfg(target_os = "linux")]
pub fn drop_packets(socket: impl AsFd) {
    attach(socket, &[statement(libc::BPF_RET | libc::BPF_K, 0)]);
}

/// From now on the socket takes no packet in that begins with a chunk of this type.
pub fn drop_chunks(socket: impl AsFd, kind: u32) {
    let program = [
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0),
        libc::sock_filter {
            jf: 1,
            ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, kind)
        },
        statement(libc::BPF_RET | libc::BPF_K, 0),
        statement(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ];
    attach(socket, &program);
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    let code = u16::try_from(code).expect("a 16-bit code");
    libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

/// Attaches a classic BPF program. Its packets begin with the first chunk.
fn attach(socket: impl AsFd, program: &[libc::sock_filter]) {
    // struct sock_fprog
    let length = u16::try_from(program.len()).expect("a short program");
    let mut filter = [0; size_of::<usize>()];
    filter[..2].copy_from_slice(&length.to_ne_bytes());
    let filter = [filter, (program.as_ptr() as usize).to_ne_bytes()].concat();
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_ATTACH_FILTER,
        &filter,
    )
    .expect("SO_ATTACH_FILTER");
}

#[cfg(target_os = "linux")]
pub fn let_packets_in(socket: impl AsFd) {
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_DETACH_FILTER,
        &[0; 4],
    )
    .expect("SO_DETACH_FILTER");
}
