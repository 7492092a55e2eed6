//! A peeled-off association in a thread.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use sctp_peeloff::notification::{AssocState, Reader};
use sctp_peeloff::{AssocId, RcvInfo};

use super::ending::end_all;
use super::ledger::{Carried, Ledger, end_label};
use super::mailbox::{Event, Mailbox, Message, echo};

/// A message that was not echoed because the send buffer was full.
pub(crate) struct Unsent {
    data: Vec<u8>,
    info: RcvInfo,
}

impl Unsent {
    pub(crate) fn new(message: &Message<'_>) -> Self {
        Self {
            data: message.data.to_vec(),
            info: message.info,
        }
    }
}

pub(crate) struct Peeled {
    pub(crate) socket: OwnedFd,
    pub(crate) id: AssocId,
    pub(crate) carried: Carried,
    pub(crate) unsent: Option<Unsent>,
    pub(crate) reader: Reader,
}

impl Peeled {
    /// Echoes messages until the association ends. If `stop` becomes readable, shuts
    /// down the association.
    pub(crate) fn serve(mut self, stop: BorrowedFd<'_>, ledger: &Ledger) {
        let mut mailbox = Mailbox::new();
        let label = loop {
            // Receives no message before the last one is echoed, so that a peer that
            // does not read is slowed down.
            let events = match self.unsent {
                Some(_) => PollFlags::OUT,
                None => PollFlags::IN,
            };
            match wait(&self.socket, events, stop) {
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
                match echo(&self.socket, &unsent.data, &unsent.info) {
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
                    match echo(&self.socket, message.data, &message.info) {
                        Ok(()) => {}
                        Err(Errno::AGAIN | Errno::INTR) => {
                            self.unsent = Some(Unsent::new(&message));
                        }
                        Err(errno) => ledger.dropped(self.id, &mut self.carried, errno),
                    }
                }
                Ok(Event::TooLong(_)) => ledger.dropped(self.id, &mut self.carried, Errno::MSGSIZE),
                Ok(Event::Change(change, _)) => match end_label(change) {
                    Some(label) => break label,
                    None if change.state == AssocState::Restart => ledger.restarted(self.id),
                    None => {}
                },
                Ok(Event::Nothing) | Err(Errno::AGAIN | Errno::INTR) => {}
                // The notification comes before this error, except after a peel-off of
                // an association that has ended.
                Err(Errno::CONNRESET) => break "aborted",
                Err(_) => break "lost",
            }
        };
        ledger.ended(label, self.id, self.carried);
    }
}

/// Waits for the socket or for `stop`. Returns whether `stop` is readable.
fn wait(socket: impl AsFd, events: PollFlags, stop: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut both = [
        PollFd::new(&socket, events),
        PollFd::new(&stop, PollFlags::IN),
    ];
    poll(&mut both, None)?;
    Ok(!both[1].revents().is_empty())
}
