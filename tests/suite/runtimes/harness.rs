//! A peer for each runtime's `serve`.

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
    /// To `SCTP_ASSOC_CHANGE`.
    pub subscribed: bool,
    /// It waits in read and write themselves.
    pub blocking: bool,
    /// The longest message that it takes.
    pub longest: usize,
    pub serve: fn(&OwnedFd, AssocId) -> io::Result<()>,
}

macro_rules! tests {
    ($runtime:expr) => {
        #[test]
        fn echoes() {
            $crate::runtimes::harness::echoes($runtime);
        }

        #[test]
        fn holds_back_and_loses_nothing() {
            $crate::runtimes::harness::holds_back_and_loses_nothing($runtime);
        }

        #[test]
        fn notices_a_graceful_end() {
            $crate::runtimes::harness::notices_a_graceful_end($runtime);
        }

        #[test]
        fn notices_an_abort() {
            $crate::runtimes::harness::notices_an_abort($runtime);
        }

        #[test]
        fn notices_an_abort_while_it_waits_to_write() {
            $crate::runtimes::harness::notices_an_abort_while_it_waits_to_write($runtime);
        }
    };
}
pub(crate) use tests;

/// The bytes of the association that wait to be read, from the kernel's table.
fn unread(id: AssocId) -> usize {
    let table = std::fs::read_to_string("/proc/net/sctp/assocs").expect("associations");
    let id = id.to_string();
    let mut rows = table.lines().map(str::split_whitespace);
    // … ASSOC-ID TX_QUEUE RX_QUEUE …
    let row = rows.find(|row| row.clone().nth(6) == Some(&id));
    let bytes = row.and_then(|mut row| row.nth(8));
    bytes.expect("the association").parse().expect("a number")
}

/// A runtime at work in its thread, and its peer.
struct Pair {
    client: Option<OwnedFd>,
    inbox: Inbox,
    id: AssocId,
    /// The thread's number in /proc.
    thread: i32,
    result: Receiver<io::Result<()>>,
    /// Messages sent, and echoes received.
    sent: usize,
    received: usize,
    longest: usize,
}

/// The message with this number: it says which it is, and is about as long as any.
fn message(number: usize, longest: usize) -> Vec<u8> {
    let mut message = number.to_string().into_bytes();
    message.resize(message.len().max(number * 7919 % longest), b'.');
    message
}

/// Nothing waits for more to be sent with it, nor for long to be sent again: a peer
/// whose buffer is full drops what comes. Holds for a server's clients to come.
pub fn hasten(socket: &OwnedFd) {
    set_words(socket, SCTP_NODELAY, &[1]);
    // Milliseconds: of all associations to come, at first, at most (or each drop in a
    // row would double the wait, up to a minute), at least.
    set_words(socket, SCTP_RTOINFO, &[0, 200, 1000, 200]);
}

/// A peeled-off descriptor whose reads do not block, and its peer.
pub fn pair(family: Family) -> (OwnedFd, OwnedFd) {
    let server = server(family);
    hasten(&server);
    let (client, id) = associate(family, &server);
    hasten(&client);
    let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap();
    (peeled, client)
}

impl Pair {
    /// `queued` messages are there before the peel-off. So is the notification
    /// that the association has come up, if it is subscribed to.
    fn new(runtime: Runtime, family: Family, queued: usize) -> Self {
        let server = server(family);
        if runtime.subscribed {
            subscribe_assoc_change(&server);
        }
        hasten(&server);
        let (client, id) = associate(family, &server);
        hasten(&client);
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
            pair.send_for_sure();
        }
        // If it hangs, the test fails and leaves it behind.
        thread::spawn(move || {
            let _ = started.send(rustix::thread::gettid().as_raw_nonzero().get());
            let _ = ended.send((runtime.serve)(&server, id));
        });
        pair.thread = thread.recv().expect("a thread");
        pair
    }

    fn client(&self) -> &OwnedFd {
        self.client.as_ref().expect("it has not ended yet")
    }

    /// Whether there was room for the next message.
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

    /// That the echo has come does not say that the message was acknowledged, which
    /// is what makes room.
    fn send_for_sure(&mut self) {
        wait_for("room to send", || self.send().then_some(()));
    }

    fn receive(&mut self) {
        let client = self.client.as_ref().expect("it has not ended yet");
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

    /// It waits in a system call, and does not spin.
    fn asleep(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", self.thread));
        let stat = stat.expect("the thread");
        let (_, state) = stat.rsplit_once(") ").expect("a state");
        state.starts_with('S')
    }

    fn wait_until_idle(&self) {
        wait_for("an idle thread", || self.asleep().then_some(()));
    }

    /// Sends until the echoes have filled both buffers on their way, and the
    /// runtime, with more to read, waits to write.
    fn fill(&mut self) {
        let mut waits = 0;
        wait_for("a full send buffer", || {
            while self.send() {}
            let waits_to_write = unread(self.id) > 0 && self.asleep();
            // A message that has just come may not have woken it yet.
            waits = if waits_to_write { waits + 1 } else { 0 };
            (waits == 30).then_some(())
        });
    }

    /// An error, by its errno.
    fn result(&self) -> Result<(), Option<i32>> {
        let result = self.result.recv_timeout(PATIENCE);
        let result = result.expect("the end was not noticed");
        result.map_err(|error| error.raw_os_error())
    }
}

pub fn echoes(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 20);
        pair.receive_all();
        for _ in 0..20 {
            pair.wait_until_idle();
            pair.send_for_sure();
            pair.receive();
        }
        // Many at once: one edge may stand for all of them.
        for _ in 0..5 {
            for _ in 0..30 {
                pair.send_for_sure();
            }
            pair.receive_all();
        }
        // Longer than a time limit of a read.
        thread::sleep(Duration::from_millis(250));
        pair.longest = runtime.longest;
        for _ in 0..10 {
            pair.send_for_sure();
            pair.receive();
        }
        pair.wait_until_idle();
    }
}

pub fn holds_back_and_loses_nothing(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 0);
        for _ in 0..2 {
            pair.fill();
            pair.receive_all();
            pair.send_for_sure();
            pair.receive_all();
            pair.wait_until_idle();
        }
    }
}

pub fn notices_a_graceful_end(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 1);
        pair.receive();
        pair.wait_until_idle();
        pair.client = None;
        assert_eq!(pair.result(), Ok(()));
    }
}

pub fn notices_an_abort(runtime: Runtime) {
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

pub fn notices_an_abort_while_it_waits_to_write(runtime: Runtime) {
    for family in FAMILIES {
        let mut pair = Pair::new(runtime, family, 0);
        pair.fill();
        abort_on_close(pair.client());
        pair.client = None;
        // A write that the abort finds waiting fails with ESRCH; one that comes after
        // it, with ECONNRESET. Now and then there is room for one more message, so a
        // blocking write may be either, and a subscriber may read of the end instead.
        let result = pair.result();
        let expected = match result {
            Ok(()) => runtime.subscribed,
            Err(Some(libc::ESRCH)) => runtime.blocking,
            Err(errno) => errno == Some(libc::ECONNRESET),
        };
        assert!(expected, "{result:?}");
    }
}
