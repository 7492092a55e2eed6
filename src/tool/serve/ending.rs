//! Shuts down the associations of a socket when the server stops.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sctp_peeloff::AssocId;
use sctp_peeloff::notification::Reader;

use super::ledger::{Carried, Ledger};
use super::mailbox::{Event, Mailbox, end};

/// The time in which the peers can receive queued messages and complete the shutdown.
const GRACE: Duration = Duration::from_secs(2);

/// Shuts down all associations of a socket gracefully. Messages that still arrive are
/// read and discarded, because closing a socket with unread messages aborts the
/// association.
pub(crate) fn end_all(
    socket: impl AsFd,
    mailbox: &mut Mailbox,
    mut reader: Reader,
    mut open: BTreeMap<AssocId, Carried>,
    ledger: &Ledger,
) {
    for id in open.keys() {
        // This fails if the association has ended. The notification is then queued.
        let _ = end(&socket, *id);
    }
    let deadline = Instant::now() + GRACE;
    while !open.is_empty() {
        match mailbox.receive(&socket, &mut reader) {
            Ok(Event::Change(change, _)) if change.state.is_end() => {
                if let Some(carried) = open.remove(&change.assoc) {
                    ledger.ended("ended", change.assoc, carried);
                }
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || !wait(&socket, left) {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    for (id, carried) in open {
        // The kernel completes the shutdown after the socket is closed.
        ledger.ended("ending", id, carried);
    }
}

/// Returns whether the socket became readable in this time.
fn wait(socket: impl AsFd, time: Duration) -> bool {
    let time = Timespec::try_from(time).unwrap_or_default();
    let mut sockets = [PollFd::new(&socket, PollFlags::IN)];
    !matches!(poll(&mut sockets, Some(&time)), Ok(0))
}
