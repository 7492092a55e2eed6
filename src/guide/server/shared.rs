//! Serves sporadic peers on the one-to-many socket and peels off the busy ones.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, sendto};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto::SCTP};
use sctp_peeloff::{AssocId, Effect, Error, PeeloffFlags, peeloff_flags, sockopt};
use sctp_peeloff::{set_recvrcvinfo, subscribe_assoc_change};

use super::inbox::{Event, Inbox, Message};

/// Creates a one-to-many socket. Peeled-off sockets inherit its subscriptions.
pub fn listen(address: SocketAddr, flags: SocketFlags) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = flags | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::SEQPACKET, flags, Some(SCTP))?;
    subscribe_assoc_change(&socket)?;
    set_recvrcvinfo(&socket)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, 1024)?;
    Ok(socket)
}

/// An association with a socket of its own.
pub struct Peeled {
    pub assoc: AssocId,
    pub socket: OwnedFd,
    pub inbox: Inbox,
    /// A message that has not been echoed.
    pub unsent: Option<Vec<u8>>,
}

/// The state of the one-to-many socket.
pub struct Shared {
    inbox: Inbox,
    /// The number of messages of each association.
    pub messages: HashMap<AssocId, u32>,
    /// An association with more messages is busy.
    sporadic: u32,
    flags: PeeloffFlags,
}

impl Shared {
    pub fn new(sporadic: u32, flags: PeeloffFlags) -> Self {
        Self {
            inbox: Inbox::new(),
            messages: HashMap::new(),
            sporadic,
            flags,
        }
    }

    /// Serves the next event. Returns an association that has been peeled off. Fails
    /// with `WouldBlock` only if there is nothing to receive.
    pub fn serve_next(&mut self, socket: impl AsFd) -> io::Result<Option<Peeled>> {
        let message = match self.inbox.receive(&socket)? {
            Event::Message(message) => message,
            Event::Ended(assoc, end) => {
                self.messages.remove(&assoc);
                println!("association {assoc}: {end:?}");
                return Ok(None);
            }
        };
        let count = self.messages.entry(message.info.assoc).or_default();
        *count += 1;
        if *count <= self.sporadic && echo(&socket, &message) {
            return Ok(None);
        }
        Ok(self.peel_off(socket, message))
    }

    /// Peels off an association that is busy, or whose reply would have to wait.
    fn peel_off(&mut self, socket: impl AsFd, message: Message) -> Option<Peeled> {
        let assoc = message.info.assoc;
        match peeloff_flags(&socket, assoc, self.flags) {
            Ok(peeled) => {
                self.messages.remove(&assoc);
                return Some(Peeled {
                    assoc,
                    socket: peeled,
                    inbox: self.inbox.peel(assoc),
                    unsent: Some(message.data),
                });
            }
            // Retry with the next message of this association.
            Err(error) if error.is_temporary() => println!("association {assoc}: {error}"),
            // The association has ended, or its state is unknown. If messages follow, they
            // are counted from 0.
            Err(error) => {
                self.messages.remove(&assoc);
                println!("association {assoc}: {error}");
                if error.effect() != Effect::None || matches!(error, Error::NoSuchAssociation(_)) {
                    return None;
                }
            }
        }
        if !echo(socket, &message) {
            println!("association {assoc}: no room for a reply");
        }
        None
    }
}

/// Echoes a message through the one-to-many socket. Returns `false` if the send buffer,
/// which all associations share, is full.
fn echo(socket: impl AsFd, message: &Message) -> bool {
    let assoc = message.info.assoc;
    // If the association has ended, a send to the peer's address would start a new
    // association.
    if sockopt::has_assoc(&socket, assoc) != Ok(true) {
        return true;
    }
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    match sendto(
        socket.as_fd().as_raw_fd(),
        &message.data,
        &message.peer,
        flags,
    ) {
        Ok(_) => {}
        Err(Errno::EAGAIN) => return false,
        Err(errno) => println!("association {assoc}: {errno}"),
    }
    true
}
