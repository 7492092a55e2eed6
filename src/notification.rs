//! Detects the end of an association.
//!
//! After [`subscribe_assoc_change`], `recvmsg` delivers an `SCTP_ASSOC_CHANGE`
//! notification among the messages when an association is established, restarts or
//! ends. A [`Reader`] recognizes the notifications. The reader requires the bytes and the
//! `msg_flags` of every `recvmsg` call on the socket.
//!
//! `MSG_NOTIFICATION` alone is not sufficient to parse a notification. If the buffer is
//! shorter than the notification, the next `recvmsg` returns the remainder of the
//! notification, again with `MSG_NOTIFICATION`. If the peer aborts the association, the
//! remainder contains bytes that the peer has chosen. The peer can make these bytes look
//! like another notification. The reader keeps track of the parts up to `MSG_EOR`, and
//! never parses a remainder as a notification.
//!
//! # Examples
//!
//! ```
//! # #[cfg(target_os = "linux")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use rustix::net::{AddressFamily, SendFlags, SocketType, bind, connect, getsockname,
//! #     listen, send, socket, ipproto::SCTP};
//! # use std::net::{Ipv4Addr, SocketAddrV4};
//! # let server = socket(AddressFamily::INET, SocketType::SEQPACKET, Some(SCTP))?;
//! # bind(&server, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
//! # listen(&server, 16)?;
//! use rustix::io::IoSliceMut;
//! use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};
//! use sctp_peeloff::notification::{Reader, Received};
//! use sctp_peeloff::subscribe_assoc_change;
//!
//! subscribe_assoc_change(&server)?;
//! # let client = socket(AddressFamily::INET, SocketType::STREAM, Some(SCTP))?;
//! # connect(&client, &getsockname(&server)?)?;
//! # send(&client, b"hello", SendFlags::empty())?;
//! # drop(client);
//! let mut reader = Reader::new();
//! let mut buffer = [0; 1500];
//! loop {
//!     let received = recvmsg(
//!         &server,
//!         &mut [IoSliceMut::new(&mut buffer)],
//!         &mut RecvAncillaryBuffer::default(),
//!         RecvFlags::empty(),
//!     )?;
//!     let bytes = &buffer[..received.bytes];
//!     match reader.read(bytes, received.flags) {
//!         Received::Message => println!("{} bytes", bytes.len()),
//!         Received::AssocChange(change) if change.state.is_end() => {
//!             println!("association {} has ended", change.assoc);
//!             break;
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(target_os = "linux"))]
//! # fn main() {}
//! ```

use rustix::fd::AsFd;
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::diagnose;
use crate::error::Error;
use crate::sockopt;
use crate::uapi::{
    MSG_NOTIFICATION, SCTP_ALL_ASSOC, SCTP_ASSOC_CHANGE, SCTP_CANT_STR_ASSOC, SCTP_COMM_LOST,
    SCTP_COMM_UP, SCTP_RESTART, SCTP_SHUTDOWN_COMP,
};

/// The `msg_flags` of `recvmsg`. `ReturnFlags::from_bits_retain` converts the flags of
/// other libraries. Pass all bits, including bits for which the other library has no name.
pub use rustix::net::ReturnFlags;

/// What one `recvmsg` call has delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Received {
    /// A message or a part of a message.
    Message,
    /// An `SCTP_ASSOC_CHANGE` notification.
    AssocChange(AssocChange),
    /// Another notification, or a part of a notification.
    Other,
}

/// `struct sctp_assoc_change`—The set-up, the restart or the end of an association.
///
/// # References
///
/// - [RFC 6458, section 6.1.1](https://www.rfc-editor.org/rfc/rfc6458#section-6.1.1)
#[doc(alias = "SCTP_ASSOC_CHANGE")]
#[doc(alias = "sctp_assoc_change")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AssocChange {
    /// `sac_assoc_id`: the association.
    pub assoc: AssocId,
    /// `sac_state`: what happened to the association.
    pub state: AssocState,
    /// `sac_error`: the cause code of the ABORT or ERROR chunk, or 0. The peer chooses the
    /// code. Linux delivers it in network byte order, FreeBSD in host byte order.
    pub error: u16,
    /// `sac_outbound_streams`: the number of streams to the peer.
    pub outbound_streams: u16,
    /// `sac_inbound_streams`: the number of streams from the peer.
    pub inbound_streams: u16,
    /// `sac_length`: the length of the notification in bytes.
    pub length: u32,
}

impl AssocChange {
    /// `struct sctp_assoc_change` without `sac_info`.
    const SIZE: usize = 20;

    /// Returns whether the peer has aborted the association with an error cause.
    ///
    /// In this case the state is [`CommLost`](AssocState::CommLost), and the notification
    /// contains the error causes of the ABORT chunk. If the state is `CommLost` and the
    /// notification contains no error cause, either the peer did not respond, this side
    /// aborted the association, or the peer aborted it without an error cause. For example,
    /// a kernel that no longer has the association responds to a message with such an
    /// abort. On a peeled-off socket, `SO_ERROR` distinguishes these ends, unless a failed
    /// call has already returned the error.
    #[must_use]
    pub const fn is_abort(&self) -> bool {
        matches!(self.state, AssocState::CommLost) && self.length as usize > Self::SIZE
    }

    /// Returns `None` for another type of notification.
    fn parse(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let half = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        (half(0) == SCTP_ASSOC_CHANGE).then(|| Self {
            length: u32::from_ne_bytes(word(4)),
            state: AssocState::from_raw(half(8)),
            error: half(10),
            outbound_streams: half(12),
            inbound_streams: half(14),
            assoc: AssocId::from_raw(i32::from_ne_bytes(word(16))),
        })
    }
}

/// `enum sctp_sac_state`—What happened to an association.
#[doc(alias = "sac_state")]
#[doc(alias = "sctp_sac_state")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AssocState {
    /// The association is established.
    #[doc(alias = "SCTP_COMM_UP")]
    CommUp,
    /// The association has failed: one side has aborted it, or the peer has not responded.
    #[doc(alias = "SCTP_COMM_LOST")]
    CommLost,
    /// The peer has restarted. The association continues with the same id.
    #[doc(alias = "SCTP_RESTART")]
    Restart,
    /// The association has ended gracefully.
    #[doc(alias = "SCTP_SHUTDOWN_COMP")]
    ShutdownComp,
    /// The association could not be set up. If `connect` or `sendto` has started the
    /// set-up, the id in this notification is 0.
    #[doc(alias = "SCTP_CANT_STR_ASSOC")]
    CantStrAssoc,
    /// Any other value of `sac_state`.
    Unknown(u16),
}

impl AssocState {
    /// Returns whether the association has ended. If so, no further `SCTP_ASSOC_CHANGE`
    /// notification of this association follows.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::CommLost | Self::ShutdownComp | Self::CantStrAssoc
        )
    }

    fn from_raw(raw: u16) -> Self {
        match raw {
            SCTP_COMM_UP => Self::CommUp,
            SCTP_COMM_LOST => Self::CommLost,
            SCTP_RESTART => Self::Restart,
            SCTP_SHUTDOWN_COMP => Self::ShutdownComp,
            SCTP_CANT_STR_ASSOC => Self::CantStrAssoc,
            other => Self::Unknown(other),
        }
    }
}

/// Reads the notifications of one socket.
///
/// The reader must see every `recvmsg` call on its socket, in order, except calls with
/// `MSG_PEEK`. Each peeled-off socket requires its own reader, which
/// [`peel`](Self::peel) creates. A reader allocates nothing.
#[derive(Clone, Default, Debug)]
pub struct Reader {
    /// The leading bytes of a notification that has arrived in part.
    head: [u8; AssocChange::SIZE],
    /// The number of bytes in `head`.
    filled: usize,
    /// Whether the beginning of a notification has arrived, but not its end (`MSG_EOR`).
    unfinished: bool,
}

impl Reader {
    /// Creates a reader for a socket from which nothing has been read.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: [0; AssocChange::SIZE],
            filled: 0,
            unfinished: false,
        }
    }

    /// Reads the bytes and the `msg_flags` that one `recvmsg` call has delivered.
    ///
    /// For each `SCTP_ASSOC_CHANGE`, the function returns one [`AssocChange`], in the call in
    /// which its first 20 bytes are complete. If the buffer has at least 20 bytes, these
    /// bytes arrive in one call.
    pub fn read(&mut self, bytes: &[u8], msg_flags: ReturnFlags) -> Received {
        if msg_flags.bits() & MSG_NOTIFICATION == 0 {
            self.unfinished = false;
            return Received::Message;
        }
        if !self.unfinished {
            self.filled = 0;
        }
        self.unfinished = !msg_flags.contains(ReturnFlags::EOR);
        let missing = &mut self.head[self.filled..];
        let taken = missing.len().min(bytes.len());
        if taken == 0 {
            return Received::Other;
        }
        missing[..taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        if self.filled < AssocChange::SIZE {
            return Received::Other;
        }
        AssocChange::parse(&self.head).map_or(Received::Other, Received::AssocChange)
    }

    /// Returns whether a notification has been read in part. If so, the next `recvmsg`
    /// returns the remainder.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Creates the reader for the socket into which this association was peeled off.
    ///
    /// Call this function right after the peel-off, before the next `recvmsg` on either
    /// socket. If a notification of the association has been read in part, the kernel
    /// moves the remainder to the new socket. This function then moves the state of this
    /// reader to the new reader.
    ///
    /// Known limitation: in two cases a reader cannot identify the association of a
    /// notification. Either fewer than 20 bytes of the notification have been read, or
    /// its type is not `SCTP_ASSOC_CHANGE`. If such a notification has been read in part,
    /// each of the two readers treats the next notification on its socket as the
    /// remainder and skips it, unless a message arrives first. To avoid this, use a
    /// buffer of at least 256 bytes, or peel off only if
    /// [`is_unfinished`](Self::is_unfinished) returns `false`.
    #[must_use]
    pub fn peel(&mut self, assoc: AssocId) -> Self {
        if !self.unfinished {
            return Self::new();
        }
        let change = match self.filled {
            AssocChange::SIZE => AssocChange::parse(&self.head),
            _ => None,
        };
        match change {
            Some(change) if change.assoc != assoc => Self::new(),
            Some(_) => core::mem::take(self),
            None => {
                // A later part must not complete this head.
                (self.head, self.filled) = ([0; AssocChange::SIZE], AssocChange::SIZE);
                self.clone()
            }
        }
    }
}

/// `setsockopt(socket, SOL_SCTP, SCTP_EVENT, …)`—Subscribes to `SCTP_ASSOC_CHANGE`
/// notifications.
///
/// `recvmsg` then delivers a notification when an association of the socket is
/// established, restarts or ends. Other subscriptions are not affected. A socket that is
/// created by a later peel-off inherits the subscription.
///
/// The function also works on a peeled-off socket. If the association has ended before the
/// subscription, no notification reports the end. So call [`sockopt::has_assoc`] once after
/// the subscription.
///
/// The function makes one system call on FreeBSD, and on Linux 5.0 and later. On Linux
/// before 5.0 it makes three system calls and uses `SCTP_EVENTS`.
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT`, `EINVAL` |
/// | [`OptionsUnavailable`](Error::OptionsUnavailable) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other |
///
/// No association is affected.
///
/// # References
///
/// - [RFC 6458, section 6.2.2](https://www.rfc-editor.org/rfc/rfc6458#section-6.2.2)
#[doc(alias = "SCTP_EVENT")]
#[doc(alias = "SCTP_EVENTS")]
pub fn subscribe_assoc_change(socket: impl AsFd) -> Result<(), Error> {
    let socket = socket.as_fd();
    let subscribed = match sockopt::set_event(socket, SCTP_ALL_ASSOC, SCTP_ASSOC_CHANGE) {
        Err(Errno::NOPROTOOPT) => sockopt::first_events(socket)
            .and_then(|[data_io, _]| sockopt::set_first_events(socket, [data_io, 1])),
        subscribed => subscribed,
    };
    subscribed.map_err(|errno| diagnose::socket_error(socket, errno))
}

#[cfg(test)]
mod tests;
