//! The one-to-many socket, until an association is busy enough to leave it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net;
use sctp_peeloff::notification::Reader;
use sctp_peeloff::{AssocId, Error, PeeloffFlags, peeloff_flags};

use super::After;
use super::ending::end_all;
use super::ledger::{Carried, Ledger};
use super::mailbox::{Change, Event, Mailbox, Message, echo};
use super::peeled::{Peeled, Unsent};
use crate::loopback::{Result, during};

/// How often a terminal shows the totals.
const REFRESH: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 250_000_000,
};

#[derive(Clone, Copy, Default)]
struct Peer {
    carried: Carried,
    /// Since it was last to be peeled off and could not be.
    since: Carried,
}

pub(crate) struct Shared<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    socket: &'env OwnedFd,
    stop: BorrowedFd<'env>,
    after: After,
    ledger: &'env Ledger,
    peers: BTreeMap<AssocId, Peer>,
    reader: Reader,
}

impl<'scope, 'env> Shared<'scope, 'env> {
    pub(crate) fn new(
        scope: &'scope Scope<'scope, 'env>,
        socket: &'env OwnedFd,
        stop: BorrowedFd<'env>,
        after: After,
        ledger: &'env Ledger,
    ) -> Self {
        let peers = BTreeMap::new();
        Self {
            scope,
            socket,
            stop,
            after,
            ledger,
            peers,
            reader: Reader::new(),
        }
    }

    pub(crate) fn serve(mut self) -> Result<()> {
        let mut mailbox = Mailbox::new();
        while !self.stopped()? {
            // A few at a time, so that a flood does not drown a signal.
            for _ in 0..64 {
                match mailbox.receive(self.socket, &mut self.reader) {
                    Ok(Event::Message(message)) => self.message(&message),
                    Ok(Event::Change(id, change, peer)) => match change {
                        Change::Up => self.up(id, peer),
                        _ => self.changed(id, change),
                    },
                    Ok(Event::TooLong(id)) => self.dropped(id, Errno::MSGSIZE),
                    Ok(Event::Nothing) | Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    // One association's error, which its notification tells too.
                    Err(errno) => {
                        self.ledger.line("error", format_args!("receive: {errno}"));
                        break;
                    }
                }
            }
        }
        self.end(&mut mailbox)
    }

    /// Waits for a message or for `stop`, and tells whether it is `stop`.
    fn stopped(&self) -> Result<bool> {
        let timeout = self.ledger.on_terminal().then_some(&REFRESH);
        let mut both = [
            PollFd::new(self.socket, PollFlags::IN),
            PollFd::new(&self.stop, PollFlags::IN),
        ];
        match poll(&mut both, timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(during("poll")(errno)),
        }
        self.ledger.refresh();
        Ok(!both[1].revents().is_empty())
    }

    fn up(&mut self, id: AssocId, peer: Option<SocketAddr>) {
        self.peers.insert(id, Peer::default());
        self.ledger.up(id, peer);
    }

    fn changed(&mut self, id: AssocId, change: Change) {
        match (change.end(), self.peers.get(&id)) {
            (None, _) => self.ledger.restarted(id),
            (Some(label), Some(peer)) => {
                self.ledger.down(label, id, peer.carried);
                self.peers.remove(&id);
            }
            // One that never came up.
            (Some(_), None) => {}
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let id = message.id;
        let peer = self.peers.entry(id).or_default();
        peer.carried.add(message.data);
        peer.since.add(message.data);
        let busy = self.after.reached(peer.since);
        self.ledger.carried(message.data);
        match echo(self.socket, message.data, &message.control) {
            Ok(()) if busy => self.peel_off(id, None),
            Ok(()) => {}
            // To wait here would be to let the others wait: this one leaves now, and
            // waits with a send buffer of its own.
            Err(Errno::AGAIN) => {
                let unsent = Unsent {
                    data: message.data.to_vec(),
                    control: message.control,
                };
                self.peel_off(id, Some(unsent));
            }
            Err(errno) => self.dropped(id, errno),
        }
    }

    fn dropped(&mut self, id: AssocId, errno: Errno) {
        let peer = self.peers.entry(id).or_default();
        self.ledger.dropped(id, &mut peer.carried, errno);
    }

    fn peel_off(&mut self, id: AssocId, unsent: Option<Unsent>) {
        let waits = unsent.is_some();
        let carried = self
            .peers
            .get(&id)
            .map_or_else(Carried::default, |peer| peer.carried);
        // The thread comes first: without one, the association had better stay.
        let thread = match self.thread() {
            Ok(thread) => thread,
            Err(error) => return self.refused(id, &error, waits),
        };
        match peeloff_flags(self.socket, id, PeeloffFlags::all()) {
            // No call of the thread's relies on the flags.
            Ok(socket) | Err(Error::FlagsNotSet { socket, .. }) => {
                self.peers.remove(&id);
                let number = socket.as_raw_fd();
                self.ledger.peeled(id, number, carried, waits);
                let peeled = Peeled {
                    socket,
                    id,
                    carried,
                    unsent,
                    reader: self.reader.peel(id),
                };
                if thread.send(peeled).is_err() {
                    self.ledger.down("lost", id, carried);
                }
            }
            Err(error) => {
                self.refused(id, &error, waits);
                // Nothing else will tell.
                if matches!(error, Error::AssociationLost(_)) {
                    self.changed(id, Change::Lost);
                }
            }
        }
    }

    /// A thread that waits for an association, and ends if none comes.
    fn thread(&self) -> io::Result<SyncSender<Peeled>> {
        let (stop, ledger) = (self.stop, self.ledger);
        let (sender, receiver) = sync_channel::<Peeled>(1);
        Builder::new().spawn_scoped(self.scope, move || {
            if let Ok(peeled) = receiver.recv() {
                peeled.serve(stop, ledger);
            }
        })?;
        Ok(sender)
    }

    /// The association stays, and its next try is as far off as the first was.
    fn refused(&mut self, id: AssocId, error: &dyn fmt::Display, waits: bool) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.since = Carried::default();
        }
        self.ledger
            .line("refused", format_args!("association {id}: {error}"));
        if waits {
            self.dropped(id, Errno::AGAIN);
        }
    }

    fn end(self, mailbox: &mut Mailbox) -> Result<()> {
        // No more associations.
        net::listen(self.socket, 0).map_err(during("listen"))?;
        let open = self.peers.iter().map(|(id, peer)| (*id, peer.carried));
        end_all(
            self.socket,
            mailbox,
            self.reader,
            open.collect(),
            self.ledger,
        );
        Ok(())
    }
}
