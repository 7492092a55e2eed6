//! Messages and notifications of an SCTP socket, one-to-many or peeled off.
//!
//! No function blocks.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, RecvMsg, SockaddrStorage, recvmsg};
use rustix::io::Errno;
use sctp_peeloff::notification::{AssocChange, Reader, Received, ReturnFlags};
use sctp_peeloff::sockopt::SOL_SCTP;
use sctp_peeloff::{AssocId, RcvInfo};
use socket2::{MsgHdr, SockRef};

const SCTP_SNDINFO: i32 = 2;
/// `rcv_flags` and `snd_flags`: the message is unordered.
const SCTP_UNORDERED: u16 = 1;
/// `snd_flags`: shut down the association gracefully.
const SCTP_EOF: u16 = 0x200;

/// The size of `struct cmsghdr`.
const HEADER: usize = size_of::<usize>() + 8;
/// One `struct sctp_rcvinfo` (28 bytes), aligned.
const RECEIVE_CONTROL: usize = HEADER + 32;
/// One `struct sctp_sndinfo`.
const SEND_CONTROL: usize = HEADER + 16;
/// Longer than a message that the default socket buffers accept.
const LONGEST: usize = 256 * 1024;

/// A complete message.
pub(crate) struct Message<'a> {
    pub(crate) info: RcvInfo,
    pub(crate) data: &'a [u8],
}

pub(crate) enum Event<'a> {
    Message(Message<'a>),
    /// A change of an association, and the peer's address.
    Change(AssocChange, Option<SocketAddr>),
    /// A message of this association was longer than the buffer, and was discarded.
    TooLong(AssocId),
    /// A part of a message, or another notification.
    Nothing,
}

/// The buffer for received messages. A long message can arrive in parts.
pub(crate) struct Mailbox {
    buffer: Vec<u8>,
    filled: usize,
    part: Option<Part>,
}

/// nix reads control messages through aligned pointers.
#[repr(align(8))]
struct Aligned([u8; RECEIVE_CONTROL]);

/// A message that has arrived in part.
#[derive(Clone, Copy)]
struct Part {
    owner: AssocId,
    too_long: bool,
}

impl Part {
    const fn of(owner: AssocId) -> Self {
        Self {
            owner,
            too_long: false,
        }
    }
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; LONGEST],
            filled: 0,
            part: None,
        }
    }

    /// Receives from a socket, with the reader of this socket.
    ///
    /// Fails with `EAGAIN` if nothing is queued. On a peeled-off socket, any other errno
    /// except `EINTR` means that the association has ended.
    pub(crate) fn receive(
        &mut self,
        socket: impl AsFd,
        reader: &mut Reader,
    ) -> Result<Event<'_>, Errno> {
        if self.filled == self.buffer.len() {
            self.filled = 0;
            if let Some(part) = &mut self.part {
                part.too_long = true;
            }
        }
        // nix does not return msg_controllen, so unused bytes must be zero.
        let mut control = Aligned([0; RECEIVE_CONTROL]);
        let mut parts = [IoSliceMut::new(&mut self.buffer[self.filled..])];
        let received: RecvMsg<'_, '_, SockaddrStorage> = recvmsg(
            socket.as_fd().as_raw_fd(),
            &mut parts,
            Some(&mut control.0),
            MsgFlags::MSG_DONTWAIT,
        )
        .map_err(|errno| to_errno(&errno.into()))?;
        let (length, address) = (received.bytes, received.address);
        let flags = u32::from_ne_bytes(received.flags.bits().to_ne_bytes());
        let flags = ReturnFlags::from_bits_retain(flags);

        match reader.read(&self.buffer[self.filled..][..length], flags) {
            Received::Message => {}
            other => {
                // A notification during a message means that the association has failed,
                // and that the rest of the message does not arrive.
                (self.filled, self.part) = (0, None);
                return Ok(match other {
                    Received::AssocChange(change) => Event::Change(change, address.and_then(ip)),
                    _ => Event::Nothing,
                });
            }
        }
        // Each message has an SCTP_RCVINFO.
        let info = RcvInfo::from_control(&control.0, RECEIVE_CONTROL).ok_or(Errno::NOTCONN)?;
        Ok(self.message(info, length, flags.contains(ReturnFlags::EOR)))
    }

    /// Appends a part of a message, and returns the message if it is complete.
    fn message(&mut self, info: RcvInfo, length: usize, complete: bool) -> Event<'_> {
        let owner = info.assoc;
        let mut part = self.part.unwrap_or(Part::of(owner));
        if part.owner != owner {
            // The rest of the other association's message does not arrive.
            let received = self.filled..self.filled + length;
            self.buffer.copy_within(received, 0);
            self.filled = 0;
            part = Part::of(owner);
        }
        self.filled += length;
        if !complete {
            self.part = Some(part);
            return Event::Nothing;
        }
        let data = &self.buffer[..self.filled];
        (self.filled, self.part) = (0, None);
        if part.too_long {
            return Event::TooLong(owner);
        }
        Event::Message(Message { info, data })
    }
}

fn ip(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address
        .as_sockaddr_in()
        .map(|address| SocketAddr::V4((*address).into()));
    let v6 = address
        .as_sockaddr_in6()
        .map(|address| SocketAddr::V6((*address).into()));
    v4.or(v6)
}

/// Returns a message to its peer, on the same stream and with the same PPID. Fails with
/// `EAGAIN` if the send buffer is full.
pub(crate) fn echo(socket: impl AsFd, data: &[u8], info: &RcvInfo) -> Result<(), Errno> {
    let flags = info.flags & SCTP_UNORDERED;
    let control = control(info.stream, flags, info.ppid, info.assoc);
    send(socket, &[IoSlice::new(data)], &control)
}

/// Shuts down the association gracefully: queued messages are sent first.
pub(crate) fn end(socket: impl AsFd, id: AssocId) -> Result<(), Errno> {
    send(socket, &[], &control(0, SCTP_EOF, 0, id))
}

/// A control message with a `struct sctp_sndinfo`.
fn control(stream: u16, flags: u16, ppid: u32, id: AssocId) -> [u8; SEND_CONTROL] {
    let mut control = [0; SEND_CONTROL];
    let mut put = |at: usize, bytes: &[u8]| control[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &SEND_CONTROL.to_ne_bytes());
    put(HEADER - 8, &SOL_SCTP.to_ne_bytes());
    put(HEADER - 4, &SCTP_SNDINFO.to_ne_bytes());
    put(HEADER, &stream.to_ne_bytes());
    put(HEADER + 2, &flags.to_ne_bytes());
    put(HEADER + 4, &ppid.to_ne_bytes());
    put(HEADER + 12, &id.as_raw().to_ne_bytes());
    control
}

fn send(socket: impl AsFd, data: &[IoSlice<'_>], control: &[u8]) -> Result<(), Errno> {
    let socket = socket.as_fd();
    let message = MsgHdr::new().with_buffers(data).with_control(control);
    // Rust programs ignore SIGPIPE.
    SockRef::from(&socket)
        .sendmsg(&message, MsgFlags::MSG_DONTWAIT.bits())
        .map_err(|error| to_errno(&error))?;
    Ok(())
}

fn to_errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
