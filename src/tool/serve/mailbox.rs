//! Messages and notifications of an SCTP socket, one-to-many or peeled off.
//!
//! No call here waits. The control data of a message is what its echo is sent
//! with: a `struct sctp_sndrcvinfo` goes both ways, and names the association, the
//! stream, the PPID and whether the order matters.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recvmsg};
use sctp_peeloff::notification::{AssocChange, AssocState, Reader, Received};
use sctp_peeloff::sockopt::SOL_SCTP;
use sctp_peeloff::{AssocId, RcvInfo};
use socket2::{MsgHdr, SockRef};

const SCTP_EVENTS: i32 = 11;
const SCTP_SNDRCV: i32 = 1;
/// `sinfo_flags`: end the association, gracefully.
const SCTP_EOF: u16 = 0x200;

/// `struct cmsghdr`
const HEADER: usize = size_of::<usize>() + 8;
/// One `struct sctp_sndrcvinfo`, which nothing else comes beside.
const CONTROL: usize = HEADER + 32;
/// More than a socket takes as one message by default.
const LONGEST: usize = 256 * 1024;

pub(crate) type Control = [u8; CONTROL];

/// Each message comes with its `struct sctp_sndrcvinfo`, and the comings and goings
/// of associations are notified. Associations inherit this, and so do sockets that
/// are peeled off.
pub(crate) fn subscribe(socket: impl AsFd) -> Result<(), Errno> {
    // sctp_data_io_event and sctp_association_event of struct sctp_event_subscribe;
    // an old kernel refuses a longer struct than its own.
    let events = [1_u8, 1];
    #[expect(unsafe_code, reason = "no library sets this option")]
    // SAFETY: pointer and length are those of a live array, which the kernel reads.
    let returned = unsafe {
        let value = events.as_ptr().cast();
        libc::setsockopt(socket.as_fd().as_raw_fd(), SOL_SCTP, SCTP_EVENTS, value, 2)
    };
    if returned == 0 {
        Ok(())
    } else {
        Err(errno(&std::io::Error::last_os_error()))
    }
}

/// A whole message, as [`echo`] takes it.
pub(crate) struct Message<'a> {
    pub(crate) id: AssocId,
    pub(crate) data: &'a [u8],
    pub(crate) control: Control,
}

/// What an `SCTP_ASSOC_CHANGE` tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Up,
    /// The peer's ABORT.
    Aborted,
    /// No answer any more.
    Lost,
    /// The peer has begun anew, under the same id.
    Restarted,
    /// Ended gracefully, by either side.
    Gone,
}

pub(crate) enum Event<'a> {
    Message(Message<'a>),
    Change(AssocId, Change, Option<SocketAddr>),
    /// A message that was too long for the buffer, and is lost.
    TooLong(AssocId),
    /// A part of a message, or a notification of no interest.
    Nothing,
}

/// What is received into. A long message may come in parts.
pub(crate) struct Mailbox {
    buffer: Vec<u8>,
    filled: usize,
    /// Whose message the parts are of, and whether some did not fit.
    part: Option<(AssocId, bool)>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; LONGEST],
            filled: 0,
            part: None,
        }
    }

    /// `EAGAIN` where there is nothing; any other error but `EINTR` is the end of a
    /// peeled-off socket.
    pub(crate) fn receive(
        &mut self,
        socket: impl AsFd,
        reader: &mut Reader,
    ) -> Result<Event<'_>, Errno> {
        if self.filled == self.buffer.len() {
            self.filled = 0;
            self.part = self.part.map(|(id, _)| (id, true));
        }
        let mut space = Aligned([MaybeUninit::new(0); CONTROL]);
        let mut parts = [IoSliceMut::new(&mut self.buffer[self.filled..])];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space.0);
        let received = recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::DONTWAIT)?;
        drop(ancillary);
        #[expect(
            unsafe_code,
            reason = "rustix hands out only the control data it knows"
        )]
        // SAFETY: the bytes were 0 before the kernel wrote some of them.
        let control: Control = space.0.map(|byte| unsafe { byte.assume_init() });
        let bytes = &self.buffer[self.filled..][..received.bytes];

        let kind = reader.read(bytes, received.flags);
        if kind != Received::Message {
            // The rest of a message whose association has failed does not come.
            (self.filled, self.part) = (0, None);
            let peer = received.address.and_then(|peer| peer.try_into().ok());
            return Ok(match kind {
                Received::AssocChange(change) => {
                    Event::Change(change.assoc, Change::from(change), peer)
                }
                _ => Event::Nothing,
            });
        }
        // Neither a message nor a notification: not documented, and not seen.
        let id = RcvInfo::from_control(&control, CONTROL)
            .ok_or(Errno::NOTCONN)?
            .assoc;
        let whole = received.flags.contains(ReturnFlags::EOR);
        let too_long = match self.part {
            Some((owner, too_long)) if owner == id => too_long,
            Some(_) => {
                self.buffer
                    .copy_within(self.filled..self.filled + received.bytes, 0);
                self.filled = 0;
                false
            }
            None => false,
        };
        self.filled += received.bytes;
        if !whole {
            self.part = Some((id, too_long));
            return Ok(Event::Nothing);
        }
        let data = &self.buffer[..self.filled];
        (self.filled, self.part) = (0, None);
        if too_long {
            return Ok(Event::TooLong(id));
        }
        Ok(Event::Message(Message { id, data, control }))
    }
}

/// Control data stands at a word's boundary.
#[repr(align(8))]
struct Aligned([MaybeUninit<u8>; CONTROL]);

impl From<AssocChange> for Change {
    fn from(change: AssocChange) -> Self {
        match change.state {
            AssocState::CommUp => Self::Up,
            AssocState::CommLost if change.is_abort() => Self::Aborted,
            AssocState::Restart => Self::Restarted,
            AssocState::ShutdownComp => Self::Gone,
            // SCTP_COMM_LOST without an ABORT chunk, SCTP_CANT_STR_ASSOC
            _ => Self::Lost,
        }
    }
}

/// `EAGAIN` where the send buffer is full.
pub(crate) fn echo(socket: impl AsFd, data: &[u8], control: &Control) -> Result<(), Errno> {
    send(socket, &[IoSlice::new(data)], control)
}

/// Ends the association gracefully: what is on the way arrives before.
pub(crate) fn end(socket: impl AsFd, id: AssocId) -> Result<(), Errno> {
    let mut control = [0; CONTROL];
    let mut put = |at: usize, bytes: &[u8]| control[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &CONTROL.to_ne_bytes());
    put(HEADER - 8, &SOL_SCTP.to_ne_bytes());
    put(HEADER - 4, &SCTP_SNDRCV.to_ne_bytes());
    put(HEADER + 4, &SCTP_EOF.to_ne_bytes());
    put(HEADER + 28, &id.as_raw().to_ne_bytes());
    send(socket, &[], &control)
}

fn send(socket: impl AsFd, data: &[IoSlice<'_>], control: &Control) -> Result<(), Errno> {
    let socket = socket.as_fd();
    let message = MsgHdr::new().with_buffers(data).with_control(control);
    SockRef::from(&socket)
        .sendmsg(&message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        .map_err(|error| errno(&error))?;
    Ok(())
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
