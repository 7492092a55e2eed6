//! Messages between the process and the helper thread. A message consists of two integers
//! and at most one file descriptor.
#![expect(unsafe_code, reason = "takes ownership of raw descriptors")]

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::slice;
use std::io::{self, IoSlice, IoSliceMut};

use rustix::fd::{BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg,
};

use super::table::errno_of;

const CONTROL: usize = rustix::cmsg_space!(ScmRights(1));

pub(super) type Message = [c_int; 2];

unsafe extern "C" {
    fn socketpair(family: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int;
}

/// Two connected sockets. Each read returns one message, or reports that the other socket
/// is closed.
///
/// rustix's function assumes that a successful call has written the descriptors. A seccomp
/// filter can return success without executing the call. The descriptors are then still -1.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let family = c_int::from(AddressFamily::UNIX.as_raw());
    let kind = SocketType::SEQPACKET.as_raw() | SocketFlags::CLOEXEC.bits();
    let kind = c_int::try_from(kind).map_err(|_| Errno::INVAL)?;
    let mut pair = [-1; 2];
    // SAFETY: `pair` has room for two descriptors.
    if unsafe { socketpair(family, kind, 0, pair.as_mut_ptr()) } != 0 {
        return Err(errno_of(&io::Error::last_os_error()));
    }
    if pair.contains(&-1) {
        return Err(Errno::PERM);
    }
    // SAFETY: both were -1 before the call, so the kernel has written these descriptors. They
    // have no other owner.
    Ok(pair.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).into())
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
    // If a seccomp filter returns success without executing the call, rustix reads this memory.
    // It must not contain descriptors of an earlier call.
    let mut space = [MaybeUninit::zeroed(); CONTROL];
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
