//! Receives whole messages and notices the ends of associations.

use std::collections::HashMap;
use std::io::{self, ErrorKind, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use sctp_peeloff::notification::{AssocChange, AssocState, Reader, Received, ReturnFlags};
use sctp_peeloff::{AssocId, RcvInfo};

/// The inbox discards a message that is longer.
const LONGEST: usize = 1 << 20;

pub enum Event {
    Message(Message),
    Ended(AssocId, End),
}

pub struct Message {
    pub info: RcvInfo,
    pub peer: SockaddrStorage,
    pub data: Vec<u8>,
}

/// How an association has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Graceful,
    /// The peer has aborted the association.
    Aborted,
    /// The peer has not responded. An abort without an error cause looks the same on the
    /// one-to-many socket, and on a peeled-off socket after a failed send.
    Vanished,
    /// This side has aborted the association, or could not set it up.
    Failed,
}

/// The receiving side of a socket that delivers `SCTP_ASSOC_CHANGE` and `SCTP_RCVINFO`.
pub struct Inbox {
    reader: Reader,
    /// Messages that have arrived in part.
    parts: HashMap<AssocId, Vec<u8>>,
    buffer: Vec<u8>,
    control: [u8; 128],
}

impl Inbox {
    pub fn new() -> Self {
        Self {
            reader: Reader::new(),
            parts: HashMap::new(),
            buffer: vec![0; 65_536],
            control: [0; 128],
        }
    }

    /// Creates the inbox for the socket into which this association was peeled off.
    pub fn peel(&mut self, assoc: AssocId) -> Self {
        let mut peeled = Self::new();
        peeled.reader = self.reader.peel(assoc);
        peeled.parts.extend(self.parts.remove_entry(&assoc));
        peeled
    }

    /// Receives the next message or the next end of an association.
    pub fn receive(&mut self, socket: impl AsFd) -> io::Result<Event> {
        loop {
            // Otherwise a message without SCTP_RCVINFO would get the id of an earlier message.
            self.control.fill(0);
            let mut buffers = [IoSliceMut::new(&mut self.buffer)];
            let received = recvmsg::<SockaddrStorage>(
                socket.as_fd().as_raw_fd(),
                &mut buffers,
                Some(&mut self.control),
                MsgFlags::empty(),
            )?;
            let flags = ReturnFlags::from_bits_retain(received.flags.bits() as u32);
            let (length, peer) = (received.bytes, received.address);
            let bytes = &self.buffer[..length];
            match self.reader.read(bytes, flags) {
                Received::Message => {
                    let info = RcvInfo::from_control(&self.control, self.control.len())
                        .ok_or(ErrorKind::InvalidData)?;
                    let mut data = self.parts.remove(&info.assoc).unwrap_or_default();
                    if data.len() <= LONGEST {
                        data.extend(bytes);
                    }
                    if !flags.contains(ReturnFlags::EOR) {
                        self.parts.insert(info.assoc, data);
                    } else if data.len() <= LONGEST {
                        let peer = peer.ok_or(ErrorKind::InvalidData)?;
                        return Ok(Event::Message(Message { info, peer, data }));
                    }
                }
                Received::AssocChange(change) if change.state.is_end() => {
                    self.parts.remove(&change.assoc);
                    return Ok(Event::Ended(change.assoc, end(&change, socket)?));
                }
                _ => {}
            }
        }
    }
}

fn end(change: &AssocChange, socket: impl AsFd) -> io::Result<End> {
    Ok(match change.state {
        AssocState::ShutdownComp => End::Graceful,
        AssocState::CommLost if change.is_abort() => End::Aborted,
        // A peeled-off socket has the reason as its pending error. The one-to-many
        // socket has no such error.
        AssocState::CommLost => match socket_error(socket)? {
            Err(Errno::CONNRESET) => End::Aborted,
            Ok(()) | Err(Errno::TIMEDOUT) => End::Vanished,
            Err(_) => End::Failed,
        },
        _ => End::Failed,
    })
}
