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
use crate::support::{FAMILIES, Family, PATIENCE, associate, server, wait_for};

#[derive(Clone, Copy)]
pub struct Runtime {
    /// Whether the socket is subscribed to `SCTP_ASSOC_CHANGE`.
    pub subscribed: bool,
    /// Whether reads and writes block.
    pub blocking: bool,
    /// The length of the longest message that the example can receive, in bytes.
    pub longest: usize,
    pub serve: fn(&OwnedFd, AssocId) -> io::Result<()>,
}

macro_rules! tests {
    ($runtime:expr) => {
        #[test]
        fn serve_echoes_each_message() {
            $crate::runtimes::harness::serve_echoes_each_message($runtime);
        }

        #[test]
        fn serve_loses_no_message_if_the_peer_does_not_read() {
            $crate::runtimes::harness::serve_loses_no_message_if_the_peer_does_not_read($runtime);
        }

        #[test]
        fn serve_returns_after_a_graceful_end() {
            $crate::runtimes::harness::serve_returns_after_a_graceful_end($runtime);
        }

        #[test]
        fn serve_returns_after_an_abort() {
            $crate::runtimes::harness::serve_returns_after_an_abort($runtime);
        }

        #[test]
        fn serve_returns_after_an_abort_while_it_waits_to_write() {
            $crate::runtimes::harness::serve_returns_after_an_abort_while_it_waits_to_write(
                $runtime,
            );
        }
    };
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
struct Pair {
    client: Option<OwnedFd>,
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
pub fn reduce_delays(socket: &OwnedFd) {
    set_words(socket, SCTP_NODELAY, &[1]);
    // For future associations: initial, maximum and minimum RTO in milliseconds. Without this
    // maximum, each consecutive drop would double the timeout, up to one minute.
    set_words(socket, SCTP_RTOINFO, &[0, 30, 200, 30]);
}

/// A non-blocking peeled-off socket, and its peer.
pub fn pair(family: Family) -> (OwnedFd, OwnedFd) {
    let server = server(family);
    reduce_delays(&server);
    let (client, id) = associate(family, &server);
    reduce_delays(&client);
    let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap();
    (peeled, client)
}

impl Pair {
    /// Before the peel-off, `queued` messages are in the queue. With a subscription, the
    /// notification `SCTP_COMM_UP` is also in the queue.
    fn new(runtime: Runtime, family: Family, queued: usize) -> Self {
        let server = server(family);
        if runtime.subscribed {
            subscribe_assoc_change(&server);
        }
        reduce_delays(&server);
        let (client, id) = associate(family, &server);
        reduce_delays(&client);
        let (started, thread) = channel();
        let (ended, result) = channel();
        let mut pair = Self {
            client: Some(client),
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
            let _ = ended.send((runtime.serve)(&server, id));
        });
        pair.thread = thread.recv().expect("a thread");
        pair
    }

    fn client(&self) -> &OwnedFd {
        self.client.as_ref().expect("the client is open")
    }

    /// Sends the next message if there is room. Returns whether it was sent.
    fn send(&mut self) -> bool {
        let next = message(self.sent, self.longest);
        match net::send(self.client(), &next, SendFlags::DONTWAIT) {
            Ok(length) => assert_eq!(length, next.len()),
            Err(Errno::AGAIN) => return false,
            Err(errno) => panic!("message {}: {errno}", self.sent),
        }
        self.sent += 1;
        true
    }

    /// Sends the next message as soon as there is room. Even after the echo has arrived, the
    /// message may still be unacknowledged and use room in the send buffer.
    fn wait_and_send(&mut self) {
        wait_for("room to send", || self.send().then_some(()));
    }

    fn receive(&mut self) {
        let client = self.client.as_ref().expect("the client is open");
        let event = self.inbox.receive(client).unwrap_or_else(|error| {
            panic!("{error} after {} of {} echoes", self.received, self.sent)
        });
        let Event::Message(echo) = event else {
            panic!("an end after {} of {} echoes", self.received, self.sent)
        };
        let got = echo.data;
        let expected = message(self.received, self.longest);
        assert!(
            got == expected,
            "not echo {}: {} bytes, {:?}…",
            self.received,
            got.len(),
            String::from_utf8_lossy(&got[..got.len().min(20)])
        );
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
        wait_for("an idle thread", || self.asleep().then_some(()));
    }

    /// Sends until the echoes have filled the send buffer of the runtime and the receive buffer
    /// of the client. The runtime then has unread messages and waits until it can write.
    fn fill(&mut self) {
        let mut waits = 0;
        wait_for("a full send buffer", || {
            while self.send() {}
            let waits_to_write = unread(self.id) > 0 && self.asleep();
            // A message that has just arrived may not have woken the thread yet.
            waits = if waits_to_write { waits + 1 } else { 0 };
            (waits == 30).then_some(())
        });
    }

    /// The result of `serve`. An error is represented by its errno.
    fn result(&self) -> Result<(), Option<i32>> {
        let result = self.result.recv_timeout(PATIENCE);
        let result = result.expect("`serve` has not returned");
        result.map_err(|error| error.raw_os_error())
    }
}

pub fn serve_echoes_each_message(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 20);
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
        pair.longest = runtime.longest;
        for _ in 0..10 {
            pair.wait_and_send();
            pair.receive();
        }
        pair.wait_until_idle();
    }
}

pub fn serve_loses_no_message_if_the_peer_does_not_read(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 0);
        for _ in 0..2 {
            pair.fill();
            pair.receive_all();
            pair.wait_and_send();
            pair.receive_all();
            pair.wait_until_idle();
        }
    }
}

pub fn serve_returns_after_a_graceful_end(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 1);
        pair.receive();
        pair.wait_until_idle();
        pair.client = None;
        assert_eq!(pair.result(), Ok(()));
    }
}

pub fn serve_returns_after_an_abort(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 1);
        pair.receive();
        pair.wait_until_idle();
        abort_on_close(pair.client());
        pair.client = None;
        let expected = if runtime.subscribed {
            Ok(())
        } else {
            Err(Some(libc::ECONNRESET))
        };
        assert_eq!(pair.result(), expected);
    }
}

pub fn serve_returns_after_an_abort_while_it_waits_to_write(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 0);
        pair.fill();
        abort_on_close(pair.client());
        pair.client = None;
        // A write that is blocked at the time of the abort fails with ESRCH. A write after the
        // abort fails with ECONNRESET. Sometimes there is room for one more message, so that
        // both errors are possible for a blocking runtime. A subscribed runtime may also read
        // the notification of the end first.
        let result = pair.result();
        let expected = match result {
            Ok(()) => runtime.subscribed,
            Err(Some(libc::ESRCH)) => runtime.blocking,
            Err(errno) => errno == Some(libc::ECONNRESET),
        };
        assert!(expected, "{result:?}");
    }
}
