//! A peeled-off association, in a thread of its own.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use sctp_peeloff::AssocId;
use sctp_peeloff::notification::Reader;

use super::ending::end_all;
use super::ledger::{Carried, Ledger};
use super::mailbox::{Change, Control, Event, Mailbox, echo};

/// An echo that did not fit into the send buffer.
pub(crate) struct Unsent {
    pub(crate) data: Vec<u8>,
    pub(crate) control: Control,
}

pub(crate) struct Peeled {
    pub(crate) socket: OwnedFd,
    pub(crate) id: AssocId,
    pub(crate) carried: Carried,
    pub(crate) unsent: Option<Unsent>,
    pub(crate) reader: Reader,
}

impl Peeled {
    /// Echoes until the association ends, or until `stop` becomes readable, and
    /// then ends it.
    pub(crate) fn serve(mut self, stop: BorrowedFd<'_>, ledger: &Ledger) {
        let mut mailbox = Mailbox::new();
        let label = loop {
            // An echo that waits holds back those after it: a peer that does not
            // read is not read from.
            let wanted = match self.unsent {
                Some(_) => PollFlags::OUT,
                None => PollFlags::IN,
            };
            match readable(&self.socket, wanted, stop) {
                Ok(true) => {
                    let open = BTreeMap::from([(self.id, self.carried)]);
                    return end_all(&self.socket, &mut mailbox, self.reader, open, ledger);
                }
                Ok(false) | Err(Errno::INTR) => {}
                Err(errno) => {
                    ledger.line("error", format_args!("association {}: {errno}", self.id));
                    break "lost";
                }
            }
            if let Some(unsent) = self.unsent.take() {
                match echo(&self.socket, &unsent.data, &unsent.control) {
                    Err(Errno::AGAIN | Errno::INTR) => self.unsent = Some(unsent),
                    Ok(()) => {}
                    Err(errno) => ledger.dropped(self.id, &mut self.carried, errno),
                }
                continue;
            }
            match mailbox.receive(&self.socket, &mut self.reader) {
                Ok(Event::Message(message)) => {
                    self.carried.add(message.data);
                    ledger.carried(message.data);
                    match echo(&self.socket, message.data, &message.control) {
                        Ok(()) => {}
                        Err(Errno::AGAIN | Errno::INTR) => {
                            self.unsent = Some(Unsent {
                                data: message.data.to_vec(),
                                control: message.control,
                            });
                        }
                        Err(errno) => ledger.dropped(self.id, &mut self.carried, errno),
                    }
                }
                Ok(Event::TooLong(_)) => ledger.dropped(self.id, &mut self.carried, Errno::MSGSIZE),
                Ok(Event::Change(_, change, _)) => match change.end() {
                    Some(label) => break label,
                    None => ledger.restarted(self.id),
                },
                Ok(Event::Nothing) | Err(Errno::AGAIN | Errno::INTR) => {}
                // A peeled-off socket has no end-of-file; this comes behind the
                // notification, if at all.
                Err(Errno::CONNRESET) => break "aborted",
                Err(_) => break "lost",
            }
        };
        ledger.down(label, self.id, self.carried);
    }
}

impl Change {
    /// The event's name, if the association is no more.
    pub(crate) fn end(self) -> Option<&'static str> {
        match self {
            Self::Up | Self::Restarted => None,
            Self::Gone => Some("gone"),
            Self::Aborted => Some("aborted"),
            Self::Lost => Some("lost"),
        }
    }
}

/// Waits for the socket or for `stop`, and tells whether it is `stop`.
fn readable(socket: impl AsFd, wanted: PollFlags, stop: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut both = [
        PollFd::new(&socket, wanted),
        PollFd::new(&stop, PollFlags::IN),
    ];
    poll(&mut both, None)?;
    Ok(!both[1].revents().is_empty())
}
