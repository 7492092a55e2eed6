//! The state of one association in an event loop.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{SendFlags, send};

use super::inbox::{Event, Inbox};

pub struct Echo {
    pub socket: OwnedFd,
    pub inbox: Inbox,
    /// A message that did not fit into the send buffer.
    pub unsent: Option<Vec<u8>>,
}

impl Echo {
    /// Echoes until the association has ended, or until a call fails with `WouldBlock`.
    /// After `WouldBlock`, wait for room to send if there is an unsent message, and for a
    /// message otherwise.
    pub fn proceed(&mut self) -> io::Result<()> {
        loop {
            if let Some(message) = &self.unsent {
                send(&self.socket, message, SendFlags::NOSIGNAL)?;
                self.unsent = None;
            }
            match self.inbox.receive(&self.socket)? {
                Event::Message(message) => self.unsent = Some(message.data),
                Event::Ended(..) => return Ok(()),
            }
        }
    }
}
