//! Messages between the process and the helper thread. A message consists of two integers
//! and at most one file descriptor.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::slice;
use std::io::{IoSlice, IoSliceMut};

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

const CONTROL: usize = rustix::cmsg_space!(ScmRights(1));

pub(super) type Message = [c_int; 2];

/// Two connected sockets. Each read returns one message, or reports that the other socket
/// is closed.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    socketpair(family, kind, SocketFlags::CLOEXEC, None)
}

pub(super) fn send(
    channel: &OwnedFd,
    message: Message,
    fd: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let bytes = message.map(c_int::to_ne_bytes);
    let data = [IoSlice::new(bytes.as_flattened())];
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(fd) = &fd {
        control.push(SendAncillaryMessage::ScmRights(slice::from_ref(fd)));
    }
    retry_on_intr(|| sendmsg(channel, &data, &mut control, SendFlags::NOSIGNAL)).map(drop)
}

pub(super) fn receive(
    channel: &OwnedFd,
    flags: RecvFlags,
) -> Result<(Message, Option<OwnedFd>), Errno> {
    retry_on_intr(|| receive_once(channel, flags))
}

/// Fails with `EPIPE` if the other socket is closed, and with `EINTR` after a signal. If the
/// descriptor table is full, the kernel delivers the message without its descriptor.
pub(super) fn receive_once(
    channel: &OwnedFd,
    flags: RecvFlags,
) -> Result<(Message, Option<OwnedFd>), Errno> {
    let mut bytes = [[0; size_of::<c_int>()]; 2];
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let data = &mut [IoSliceMut::new(bytes.as_flattened_mut())];
    match recvmsg(channel, data, &mut control, flags) {
        Ok(received) if received.bytes == bytes.as_flattened().len() => {}
        // The other thread has ended, with or without having read the last message.
        Ok(_) | Err(Errno::CONNRESET) => return Err(Errno::PIPE),
        Err(errno) => return Err(errno),
    }
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok((bytes.map(c_int::from_ne_bytes), fd))
}
