//! Messages with their stream, PPID and association.
#![allow(
    unsafe_code,
    reason = "sendmsg and recvmsg with SCTP's control messages"
)]
#![allow(clippy::cast_possible_truncation, reason = "sizes of small structs")]

use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use sctp_peeloff::AssocId;
use sctp_peeloff::sockopt::SOL_SCTP;

use super::option::last_errno;

const SCTP_SNDINFO: i32 = 2;
const SCTP_RCVINFO: i32 = 3;
pub const MSG_NOTIFICATION: i32 = 0x8000;
/// `snd_flags`: end the association gracefully.
pub const SCTP_EOF: u16 = libc::MSG_FIN as u16;
/// `snd_flags`: abort the association, with the message as the reason.
pub const SCTP_ABORT: u16 = libc::SCTP_ABORT as u16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub data: Vec<u8>,
    pub stream: u16,
    /// As the application gave it: the kernel passes its bytes through.
    pub ppid: u32,
    /// 0 where the socket has one association only, and at sending by an address.
    pub assoc: AssocId,
    pub notification: bool,
}

impl Message {
    pub fn new(data: impl AsRef<[u8]>, stream: u16, ppid: u32) -> Self {
        Self {
            data: data.as_ref().to_vec(),
            stream,
            ppid,
            assoc: AssocId::from_raw(0),
            notification: false,
        }
    }

    pub fn to(mut self, assoc: AssocId) -> Self {
        self.assoc = assoc;
        self
    }
}

/// `struct sctp_sndinfo`, and the same as `struct sctp_rcvinfo` as far as it goes.
#[repr(C)]
#[derive(Clone, Copy)]
struct SendInfo {
    stream: u16,
    flags: u16,
    ppid: u32,
    context: u32,
    assoc: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct ReceiveInfo {
    stream: u16,
    ssn: u16,
    flags: u16,
    ppid: u32,
    tsn: u32,
    cumtsn: u32,
    context: u32,
    assoc: i32,
}

#[repr(align(8))]
struct Control([u8; 128]);

/// # Errors
///
/// What sendmsg(2) said.
pub fn send(socket: impl AsFd, message: &Message) -> Result<(), Errno> {
    send_flags(socket, message, 0)
}

/// Sends with `snd_flags`, such as [`SCTP_EOF`].
///
/// # Errors
///
/// What sendmsg(2) said.
pub fn send_flags(socket: impl AsFd, message: &Message, flags: u16) -> Result<(), Errno> {
    let info = SendInfo {
        stream: message.stream,
        flags,
        ppid: message.ppid,
        context: 0,
        assoc: message.assoc.as_raw(),
    };
    let mut control = Control([0; 128]);
    let mut part = libc::iovec {
        iov_base: message.data.as_ptr().cast_mut().cast(),
        iov_len: message.data.len(),
    };
    // SAFETY: a msghdr of zeros is an empty one; its pointers then are those of
    // live locals, and the one control message fits into its 128 bytes.
    let sent = unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = usize::from(!message.data.is_empty()) as _;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE(size_of::<SendInfo>() as u32) as _;
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        (*first).cmsg_level = SOL_SCTP;
        (*first).cmsg_type = SCTP_SNDINFO;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<SendInfo>() as u32) as _;
        libc::CMSG_DATA(first)
            .cast::<SendInfo>()
            .write_unaligned(info);
        libc::sendmsg(
            socket.as_fd().as_raw_fd(),
            &raw const header,
            libc::MSG_NOSIGNAL,
        )
    };
    if sent < 0 { Err(last_errno()) } else { Ok(()) }
}

/// # Errors
///
/// What recvmsg(2) said; `EAGAIN` where nothing came in time.
pub fn receive(socket: impl AsFd) -> Result<Message, Errno> {
    let mut data = vec![0_u8; 65536];
    let mut control = Control([0; 128]);
    let mut part = libc::iovec {
        iov_base: data.as_mut_ptr().cast(),
        iov_len: data.len(),
    };
    let mut message = Message::new([], 0, 0);
    // SAFETY: as in `send_flags`; control messages are walked by the C macros, and
    // read only where their length says that a `ReceiveInfo` is there.
    let received = unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control.0.len() as _;
        let received = libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, 0);
        if received < 0 {
            return Err(last_errno());
        }
        message.notification = header.msg_flags & MSG_NOTIFICATION != 0;
        let mut at = libc::CMSG_FIRSTHDR(&raw const header);
        while !at.is_null() {
            let full = libc::CMSG_LEN(size_of::<ReceiveInfo>() as u32) as usize;
            if (*at).cmsg_type == SCTP_RCVINFO && (*at).cmsg_len as usize >= full {
                let info = libc::CMSG_DATA(at).cast::<ReceiveInfo>().read_unaligned();
                message.stream = info.stream;
                message.ppid = info.ppid;
                message.assoc = AssocId::from_raw(info.assoc);
            }
            at = libc::CMSG_NXTHDR(&raw const header, at);
        }
        received
    };
    data.truncate(usize::try_from(received).expect("a length"));
    message.data = data;
    Ok(message)
}
