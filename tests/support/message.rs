//! Messages with their stream, PPID and association.
#![allow(unsafe_code, reason = "sendmsg and recvmsg")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes of small structs, and flags"
)]

use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::ReturnFlags;
use sctp_peeloff::sockopt::{SCTP_STATUS, SOL_SCTP};
use sctp_peeloff::{AssocId, RcvInfo};

use super::option::{self, last_errno};
use super::{wait_for, wait_until};

const IS_FREEBSD: bool = cfg!(target_os = "freebsd");
const SCTP_SNDINFO: i32 = if IS_FREEBSD { 4 } else { 2 };
pub const MSG_NOTIFICATION: ReturnFlags =
    ReturnFlags::from_bits_retain(if IS_FREEBSD { 0x2000 } else { 0x8000 });
/// The type of the notification `SCTP_SHUTDOWN_EVENT` on Linux.
pub const SHUTDOWN_EVENT: u16 = 0x8005;
/// `snd_flags`: end the association gracefully.
pub const SCTP_EOF: u16 = if IS_FREEBSD { 0x100 } else { 0x200 };
/// `snd_flags`: abort the association, with the message as the reason.
pub const SCTP_ABORT: u16 = libc::SCTP_ABORT as u16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub data: Vec<u8>,
    pub stream: u16,
    /// The value that the application passes to the kernel. The kernel does not convert its
    /// byte order.
    pub ppid: u32,
    /// 0 if the socket has only one association, or if the message is sent to an address.
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

/// `struct sctp_sndinfo`: stream, flags, PPID, context and association id.
#[repr(C)]
struct SendInfo(u16, u16, u32, u32, i32);

#[repr(align(8))]
struct Control([u8; 128]);

/// # Errors
///
/// The errno of sendmsg(2).
pub fn send(socket: impl AsFd, message: &Message) -> Result<(), Errno> {
    send_flags(socket, message, 0)
}

/// Sends with `snd_flags`, such as [`SCTP_EOF`].
///
/// # Errors
///
/// The errno of sendmsg(2).
pub fn send_flags(socket: impl AsFd, message: &Message, flags: u16) -> Result<(), Errno> {
    let assoc = message.assoc.as_raw();
    let info = SendInfo(message.stream, flags, message.ppid, 0, assoc);
    let mut control = Control([0; 128]);
    let mut part = libc::iovec {
        iov_base: message.data.as_ptr().cast_mut().cast(),
        iov_len: message.data.len(),
    };
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: an all-zero msghdr is valid. Its pointers are then set to local variables that
    // live until after the call. The control message fits into the 128 bytes of `control`.
    let sent = unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = u8::from(!message.data.is_empty()).into();
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE(size_of::<SendInfo>() as u32) as _;
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        (*first).cmsg_level = SOL_SCTP;
        (*first).cmsg_type = SCTP_SNDINFO;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<SendInfo>() as u32) as _;
        let data = libc::CMSG_DATA(first);
        data.cast::<SendInfo>().write_unaligned(info);
        libc::sendmsg(fd, &raw const header, libc::MSG_NOSIGNAL)
    };
    if sent < 0 { Err(last_errno()) } else { Ok(()) }
}

/// The result of one recvmsg(2) call.
pub struct Delivery {
    pub data: Vec<u8>,
    /// The whole buffer for control messages.
    pub control: Vec<u8>,
    /// The number of bytes of `control` that recvmsg has filled.
    pub controllen: usize,
    pub flags: ReturnFlags,
}

/// Receives into buffers of these sizes.
///
/// # Errors
///
/// The errno of recvmsg(2), which is `EAGAIN` after the receive timeout.
pub fn deliver(socket: impl AsFd, data: usize, control: usize) -> Result<Delivery, Errno> {
    let (mut data, mut control) = (vec![0_u8; data], vec![0_u8; control]);
    let mut part = libc::iovec {
        iov_base: data.as_mut_ptr().cast(),
        iov_len: data.len(),
    };
    // SAFETY: an all-zero msghdr is valid. Its pointers are then set to `part` and `control`,
    // which live until after the call, with the lengths of these buffers.
    let (received, header) = unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len() as _;
        let received = libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, 0);
        (received, header)
    };
    data.truncate(usize::try_from(received).map_err(|_| last_errno())?);
    Ok(Delivery {
        data,
        control,
        controllen: header.msg_controllen as _,
        flags: ReturnFlags::from_bits_retain(header.msg_flags as _),
    })
}

/// # Errors
///
/// See [`deliver`].
pub fn receive(socket: impl AsFd) -> Result<Message, Errno> {
    let got = deliver(socket, 65536, 128)?;
    let info = RcvInfo::from_control(&got.control, got.controllen);
    Ok(Message {
        stream: info.map_or(0, |info| info.stream),
        ppid: info.map_or(0, |info| info.ppid),
        assoc: info.map_or(AssocId::from_raw(0), |info| info.assoc),
        notification: got.flags.contains(MSG_NOTIFICATION),
        data: got.data,
    })
}

/// Waits until the peer has acknowledged all messages.
#[cfg(target_os = "linux")]
pub fn wait_until_acknowledged(socket: &OwnedFd) {
    wait_until("the acknowledgement", || {
        // struct sctp_status: sstat_unackdata is the 16-bit number at byte 12.
        let mut status = [0; 176];
        option::get(socket, SOL_SCTP, SCTP_STATUS, &mut status).expect("SCTP_STATUS");
        status[12..14] == [0, 0]
    });
}

/// Checks that a message arrives.
#[track_caller]
pub fn passes(from: &OwnedFd, to: &OwnedFd, data: impl AsRef<[u8]>) {
    send(from, &Message::new(&data, 0, 0)).expect("send");
    assert_eq!(receive(to).expect("the message").data, data.as_ref());
}

/// Checks that the association has ended gracefully. After an abort, the read would fail with
/// `ECONNRESET`.
#[track_caller]
pub fn expect_end_of_file(client: &OwnedFd) {
    assert_eq!(receive(client).map(|message| message.data), Ok(vec![]));
}

/// A `struct sctp_assoc_change`, followed by these bytes.
pub fn assoc_change(state: u16, assoc: i32, info: &[u8]) -> Vec<u8> {
    let length = u32::try_from(20 + info.len()).expect("a short notification");
    let mut bytes = [0x8001, 0].map(u16::to_ne_bytes).concat();
    bytes.extend(length.to_ne_bytes());
    bytes.extend([state, 0, 1, 1].map(u16::to_ne_bytes).concat());
    bytes.extend(assoc.to_ne_bytes());
    bytes.extend(info);
    bytes
}

/// Checks that the association carries messages in both directions over this socket.
pub fn works(socket: &OwnedFd, client: &OwnedFd, id: AssocId) {
    send(client, &Message::new("to the server", 1, 7)).expect("send");
    let got = wait_for("the message", || receive(socket).ok());
    assert_eq!((got.data, got.assoc), (b"to the server".to_vec(), id));
    send(socket, &Message::new("to the client", 2, 8).to(id)).expect("send");
    assert_eq!(receive(client).expect("the reply").data, b"to the client");
}
