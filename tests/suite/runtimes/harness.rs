//! The tests of the `serve` function of each example, with a peer that checks the echoes.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{self, SendFlags};
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

use super::inbox::{Event, Inbox};
use crate::support::option::{
    SCTP_NODELAY, SCTP_RTOINFO, abort_on_close, set_words, subscribe_assoc_change,
};
use crate::support::{Family, PATIENCE, associate, server, wait_until};

type Serve = fn(&OwnedFd, AssocId) -> io::Result<()>;
/// Starts a `serve` function that has this number of messages in its queue.
type Start<'a> = &'a dyn Fn(usize) -> Pair;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reads and writes do not block.
    Async,
    Blocking,
    /// A blocking socket that is not subscribed to `SCTP_ASSOC_CHANGE`.
    Unsubscribed,
}

macro_rules! tests {
    ($name:ident, $kind:expr, $serve:expr) => {
        mod $name {
            use super::*;

            $crate::runtimes::harness::tests! { @each $kind, $serve;
                serve_echoes_each_message
                serve_loses_no_message_if_the_peer_does_not_read
                serve_returns_after_a_graceful_end
                serve_returns_after_an_abort
                serve_returns_after_an_abort_while_it_waits_to_write
            }
        }
    };
    (@each $kind:expr, $serve:expr; $($test:ident)+) => {$(
        #[test]
        fn $test() {
            for family in $crate::support::FAMILIES {
                let start = |queued| Pair::new($kind, family, $serve, queued);
                $crate::runtimes::harness::$test(&start);
            }
        }
    )+};
}
pub(crate) use tests;

/// The number of unread bytes of the association, from `/proc/net/sctp/assocs`.
fn unread(id: AssocId) -> usize {
    let table = std::fs::read_to_string("/proc/net/sctp/assocs").expect("associations");
    let id = id.to_string();
    let mut rows = table.lines().map(str::split_whitespace);
    // … ASSOC-ID TX_QUEUE RX_QUEUE …
    let row = rows.find(|row| row.clone().nth(6) == Some(&id));
    let bytes = row.and_then(|mut row| row.nth(8));
    bytes.expect("the association").parse().expect("a number")
}

/// A `serve` function that runs in its own thread, and its peer.
pub struct Pair {
    kind: Kind,
    client: OwnedFd,
    inbox: Inbox,
    id: AssocId,
    /// The thread id, which names the folder in `/proc`.
    thread: i32,
    result: Receiver<io::Result<()>>,
    /// The number of messages sent.
    sent: usize,
    /// The number of echoes received.
    received: usize,
    longest: usize,
}

/// The message with this number. It begins with the number, and its length is pseudorandom.
fn message(number: usize, longest: usize) -> Vec<u8> {
    let mut message = number.to_string().into_bytes();
    message.resize(message.len().max(number * 7919 % longest), b'.');
    message
}

/// Disables the Nagle algorithm and shortens the retransmission timeouts, because a peer drops
/// packets if its receive buffer is full. The settings of a server apply to its future clients.
fn reduce_delays(socket: &OwnedFd) {
    set_words(socket, SCTP_NODELAY, &[1]);
    // For future associations: initial, maximum and minimum RTO in milliseconds. Without this
    // maximum, each consecutive drop would double the timeout, up to one minute.
    set_words(socket, SCTP_RTOINFO, &[0, 30, 200, 30]);
}

/// A server with short delays, a client, and the id of their association.
fn associated(family: Family, subscribed: bool) -> (OwnedFd, OwnedFd, AssocId) {
    let server = server(family);
    if subscribed {
        subscribe_assoc_change(&server);
    }
    reduce_delays(&server);
    let (client, id) = associate(family, &server);
    reduce_delays(&client);
    (server, client, id)
}

/// A non-blocking peeled-off socket, and its peer.
pub fn pair(family: Family) -> (OwnedFd, OwnedFd) {
    let (server, client, id) = associated(family, false);
    let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap();
    (peeled, client)
}

impl Pair {
    /// Before the peel-off, `queued` messages are in the queue. With a subscription, the
    /// notification `SCTP_COMM_UP` is also in the queue.
    pub fn new(kind: Kind, family: Family, serve: Serve, queued: usize) -> Self {
        let (server, client, id) = associated(family, kind != Kind::Unsubscribed);
        let (started, thread) = channel();
        let (ended, result) = channel();
        let mut pair = Self {
            kind,
            client,
            inbox: Inbox::new(),
            id,
            thread: 0,
            result,
            sent: 0,
            received: 0,
            longest: 1000,
        };
        for _ in 0..queued {
            pair.wait_and_send();
        }
        // If `serve` hangs, the test fails and does not wait for this thread.
        thread::spawn(move || {
            let _ = started.send(rustix::thread::gettid().as_raw_nonzero().get());
            let _ = ended.send(serve(&server, id));
        });
        pair.thread = thread.recv().expect("a thread");
        pair
    }

    /// Sends the next message if there is room. Returns whether it was sent.
    fn send(&mut self) -> bool {
        let next = message(self.sent, self.longest);
        let sent = net::send(&self.client, &next, SendFlags::DONTWAIT);
        if sent == Err(Errno::AGAIN) {
            return false;
        }
        assert_eq!(sent, Ok(next.len()), "message {}", self.sent);
        self.sent += 1;
        true
    }

    /// Sends the next message as soon as there is room. Even after the echo has arrived, the
    /// message may still be unacknowledged and use room in the send buffer.
    fn wait_and_send(&mut self) {
        wait_until("room to send", || self.send());
    }

    fn receive(&mut self) {
        let got = match self.inbox.receive(&self.client) {
            Ok(Event::Message(echo)) => echo.data,
            end => panic!("{:?} after {} of {}", end.err(), self.received, self.sent),
        };
        let (number, length) = (self.received, got.len());
        let start = got[..length.min(20)].escape_ascii();
        let is_echo = got == message(number, self.longest);
        assert!(is_echo, "not {number}: {length} bytes, {start}…");
        self.received += 1;
    }

    fn receive_all(&mut self) {
        while self.received < self.sent {
            self.receive();
        }
    }

    /// Whether the thread sleeps in a system call.
    fn asleep(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", self.thread));
        let stat = stat.expect("the thread");
        let (_, state) = stat.rsplit_once(") ").expect("a state");
        state.starts_with('S')
    }

    fn wait_until_idle(&self) {
        wait_until("an idle thread", || self.asleep());
    }

    /// Sends until the echoes have filled the send buffer of the runtime and the receive buffer
    /// of the client. The runtime then has unread messages and waits until it can write.
    fn fill(&mut self) {
        let mut waits = 0;
        wait_until("a full send buffer", || {
            while self.send() {}
            let waits_to_write = unread(self.id) > 0 && self.asleep();
            // A message that has just arrived may not have woken the thread yet.
            waits = if waits_to_write { waits + 1 } else { 0 };
            waits == 30
        });
    }
}

/// The result of `serve`. An error is represented by its errno.
fn end(result: &Receiver<io::Result<()>>) -> Result<(), Option<i32>> {
    let result = result.recv_timeout(PATIENCE);
    let result = result.expect("`serve` has not returned");
    result.map_err(|error| error.raw_os_error())
}

pub fn serve_echoes_each_message(start: Start<'_>) {
    let mut pair = start(20);
    pair.receive_all();
    for _ in 0..20 {
        pair.wait_until_idle();
        pair.wait_and_send();
        pair.receive();
    }
    // Many messages arrive at the same time, and one edge may report all of them.
    for _ in 0..5 {
        for _ in 0..30 {
            pair.wait_and_send();
        }
        pair.receive_all();
    }
    // This pause is longer than the read timeout of any example.
    thread::sleep(Duration::from_millis(250));
    // The examples without subscription receive no longer messages.
    pair.longest = if pair.kind == Kind::Unsubscribed {
        60_000
    } else {
        150_000
    };
    for _ in 0..10 {
        pair.wait_and_send();
        pair.receive();
    }
    pair.wait_until_idle();
}

pub fn serve_loses_no_message_if_the_peer_does_not_read(start: Start<'_>) {
    let mut pair = start(0);
    for _ in 0..2 {
        pair.fill();
        pair.receive_all();
        pair.wait_and_send();
        pair.receive_all();
        pair.wait_until_idle();
    }
}

pub fn serve_returns_after_a_graceful_end(start: Start<'_>) {
    let mut pair = start(1);
    pair.receive();
    pair.wait_until_idle();
    drop(pair.client);
    assert_eq!(end(&pair.result), Ok(()));
}

pub fn serve_returns_after_an_abort(start: Start<'_>) {
    let mut pair = start(1);
    pair.receive();
    pair.wait_until_idle();
    abort_on_close(&pair.client);
    drop(pair.client);
    let expected = match pair.kind {
        Kind::Unsubscribed => Err(Some(libc::ECONNRESET)),
        Kind::Async | Kind::Blocking => Ok(()),
    };
    assert_eq!(end(&pair.result), expected);
}

pub fn serve_returns_after_an_abort_while_it_waits_to_write(start: Start<'_>) {
    let mut pair = start(0);
    pair.fill();
    abort_on_close(&pair.client);
    drop(pair.client);
    // A write that is blocked at the time of the abort fails with ESRCH. A write after the
    // abort fails with ECONNRESET. Sometimes there is room for one more message, so that
    // both errors are possible for a blocking runtime. A subscribed runtime may also read
    // the notification of the end first.
    let result = end(&pair.result);
    let expected = match result {
        Ok(()) => pair.kind != Kind::Unsubscribed,
        Err(Some(libc::ESRCH)) => pair.kind != Kind::Async,
        Err(errno) => errno == Some(libc::ECONNRESET),
    };
    assert!(expected, "{result:?}");
}
