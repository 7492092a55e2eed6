//! One association's part in an event loop.

use super::inbox::{Inbox, send};

use std::io;
use std::os::fd::OwnedFd;

/// An association in an event loop.
pub struct Echo {
    pub peeled: OwnedFd,
    inbox: Inbox,
    /// Came in, and did not fit into the send buffer yet.
    pub unsent: Option<Vec<u8>>,
}

impl Echo {
    pub fn new(peeled: OwnedFd) -> Self {
        Self {
            peeled,
            inbox: Inbox::default(),
            unsent: None,
        }
    }

    /// Echoes until the association has ended, or until `EAGAIN`: then it waits to
    /// write if there is something unsent, else to read.
    pub fn proceed(&mut self) -> io::Result<()> {
        loop {
            if let Some(message) = &self.unsent {
                send(&self.peeled, message)?;
                self.unsent = None;
            }
            self.unsent = self.inbox.receive(&self.peeled)?;
            if self.unsent.is_none() {
                return Ok(());
            }
        }
    }
}
