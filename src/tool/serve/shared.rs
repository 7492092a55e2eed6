//! The one-to-many socket. An association stays on it until it reaches a threshold.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net;
use sctp_peeloff::notification::{AssocChange, AssocState, Reader};
use sctp_peeloff::{AssocId, Effect, Error, PeeloffFlags, peeloff_flags};

use super::After;
use super::ending::end_all;
use super::ledger::{Carried, Ledger, end_label};
use super::mailbox::{Event, Mailbox, Message, echo};
use super::peeled::{Peeled, Unsent};
use crate::loopback::{Result, during};

/// The interval in which the totals on a terminal are updated.
const REFRESH: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 250_000_000,
};

/// The number of receive calls between two checks for a signal.
const BATCH: usize = 64;

#[derive(Clone, Copy, Default)]
struct Peer {
    carried: Carried,
    /// The messages since the last peel-off that failed.
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
        Self {
            scope,
            socket,
            stop,
            after,
            ledger,
            peers: BTreeMap::new(),
            reader: Reader::new(),
        }
    }

    /// Serves until `stop` is readable, then shuts down the associations.
    pub(crate) fn serve(mut self) -> Result<()> {
        let mut mailbox = Mailbox::new();
        while !self.wait()? {
            self.receive(&mut mailbox);
        }
        self.end(&mut mailbox)
    }

    /// Waits for the socket or for `stop`. Returns whether `stop` is readable.
    fn wait(&self) -> Result<bool> {
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

    fn receive(&mut self, mailbox: &mut Mailbox) {
        for _ in 0..BATCH {
            match mailbox.receive(self.socket, &mut self.reader) {
                Ok(Event::Message(message)) => self.message(&message),
                Ok(Event::Change(change, peer)) => self.change(change, peer),
                Ok(Event::TooLong(id)) => self.dropped(id, Errno::MSGSIZE),
                Ok(Event::Nothing) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // The error of one association, which its notification also reports.
                Err(errno) => {
                    self.ledger.line("error", format_args!("receive: {errno}"));
                    return;
                }
            }
        }
    }

    fn change(&mut self, change: AssocChange, address: Option<SocketAddr>) {
        let id = change.assoc;
        match change.state {
            AssocState::CommUp => {
                self.peers.insert(id, Peer::default());
                self.ledger.established(id, address);
            }
            AssocState::Restart => self.ledger.restarted(id),
            _ => {
                if let Some(label) = end_label(change) {
                    // An association that was never established is not listed.
                    if let Some(peer) = self.peers.remove(&id) {
                        self.ledger.ended(label, id, peer.carried);
                    }
                }
            }
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let id = message.info.assoc;
        let peer = self.peers.entry(id).or_default();
        peer.carried.add(message.data);
        peer.since.add(message.data);
        let busy = self.after.reached(peer.since);
        self.ledger.carried(message.data);
        match echo(self.socket, message.data, &message.info) {
            Ok(()) if busy => self.peel_off(id, None),
            Ok(()) => {}
            // Waiting on this socket would delay all peers. The peeled-off socket has a
            // send buffer for this peer alone.
            Err(Errno::AGAIN) => self.peel_off(id, Some(Unsent::new(message))),
            Err(errno) => self.dropped(id, errno),
        }
    }

    fn dropped(&mut self, id: AssocId, errno: Errno) {
        let peer = self.peers.entry(id).or_default();
        self.ledger.dropped(id, &mut peer.carried, errno);
    }

    fn peel_off(&mut self, id: AssocId, unsent: Option<Unsent>) {
        let waits = unsent.is_some();
        let carried = self.peers.get(&id).copied().unwrap_or_default().carried;
        // The thread is created first. If this fails, the association stays.
        let thread = match self.thread() {
            Ok(thread) => thread,
            Err(error) => {
                let ledger = self.ledger;
                ledger.line("refused", format_args!("association {id}: thread: {error}"));
                return self.stays(id, waits);
            }
        };
        match peeloff_flags(self.socket, id, PeeloffFlags::all()) {
            // The thread does not need the flags.
            Ok(socket) | Err(Error::FlagsNotSet { socket, .. }) => {
                self.peers.remove(&id);
                self.ledger.peeled(id, socket.as_raw_fd(), carried, waits);
                let peeled = Peeled {
                    socket,
                    id,
                    carried,
                    unsent,
                    reader: self.reader.peel(id),
                };
                if thread.send(peeled).is_err() {
                    self.ledger.ended("lost", id, carried);
                }
            }
            Err(error) => {
                self.ledger.not_peeled(id, &error, carried);
                match error.effect() {
                    // No notification follows.
                    Effect::Terminated => {
                        self.peers.remove(&id);
                    }
                    // If the association still exists, its messages and its end arrive
                    // on this socket.
                    Effect::None | Effect::PeeledOff | Effect::Unknown => self.stays(id, waits),
                }
            }
        }
    }

    /// Creates a thread that waits for a peeled-off association. The thread ends if the
    /// sender is dropped.
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

    /// The association stays on this socket until it reaches a threshold again.
    fn stays(&mut self, id: AssocId, waits: bool) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.since = Carried::default();
        }
        if waits {
            self.dropped(id, Errno::AGAIN);
        }
    }

    fn end(self, mailbox: &mut Mailbox) -> Result<()> {
        // Refuses new associations.
        net::listen(self.socket, 0).map_err(during("listen"))?;
        let peers = self.peers.iter();
        let open = peers.map(|(id, peer)| (*id, peer.carried)).collect();
        end_all(self.socket, mailbox, self.reader, open, self.ledger);
        Ok(())
    }
}
