//! The end of associations that the server itself ends.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sctp_peeloff::AssocId;

use super::ledger::{Carried, Ledger};
use sctp_peeloff::notification::Reader;

use super::mailbox::{Change, Event, Mailbox, end};

/// For peers to take what is on the way to them, and to answer.
const GRACE: Duration = Duration::from_secs(2);

/// Ends the socket's associations gracefully. What peers still say is read and
/// dropped, since a socket that is closed with messages unread aborts.
pub(crate) fn end_all(
    socket: impl AsFd,
    mailbox: &mut Mailbox,
    mut reader: Reader,
    mut open: BTreeMap<AssocId, Carried>,
    ledger: &Ledger,
) {
    for id in open.keys() {
        // What is not there any more has told so, or is about to.
        let _ = end(&socket, *id);
    }
    let deadline = Instant::now() + GRACE;
    while !open.is_empty() {
        match mailbox.receive(&socket, &mut reader) {
            Ok(Event::Change(id, Change::Gone | Change::Aborted | Change::Lost, _)) => {
                if let Some(carried) = open.remove(&id) {
                    ledger.down("ended", id, carried);
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
        // The kernel goes on with it after the socket is closed.
        ledger.down("ending", id, carried);
    }
}

fn wait(socket: impl AsFd, time: Duration) -> bool {
    let time = Timespec::try_from(time).unwrap_or_default();
    let mut sockets = [PollFd::new(&socket, PollFlags::IN)];
    !matches!(poll(&mut sockets, Some(&time)), Ok(0))
}
