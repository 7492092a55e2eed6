//! The properties of a peeled-off socket: inheritance, socket type, and the end of its
//! association. These tests check the statements in the chapter `src/guide/peeled.md`.
mod addresses;
mod close;
mod end;
mod inheritance;
mod lost_cookie_ack;
mod marks;
mod one_to_many;
mod option_effect;
mod port;
mod queue;
mod socket_type;

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::thread;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{self, SocketType};
use sctp_peeloff::notification::{AssocState as State, Reader, Received, ReturnFlags};
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags, sockopt};

use crate::support::epoll::{report, watch};
use crate::support::message::{MSG_NOTIFICATION, Message, SHUTDOWN_EVENT, receive};
use crate::support::{Family, option, server, wait_for, wait_until, wait_until_ended};

fn peel(server: &OwnedFd, id: AssocId) -> OwnedFd {
    peeloff_flags(server, id, PeeloffFlags::CLOEXEC).unwrap()
}

/// Peels off with `O_NONBLOCK` and `FD_CLOEXEC`.
fn peel_nonblocking(server: &OwnedFd, id: AssocId) -> OwnedFd {
    peeloff_flags(server, id, PeeloffFlags::all()).unwrap()
}

/// A new socket of the peer with the address of its previous socket.
fn again(family: Family, kind: SocketType, address: SocketAddr) -> OwnedFd {
    let socket = net::socket(family.domain(), kind, Some(net::ipproto::SCTP)).unwrap();
    // The kernel may not have released the previous socket yet.
    wait_for("the address", || net::bind(&socket, &address).ok());
    socket
}

/// Calls `read` in a thread, waits until the thread is blocked in it, and calls `meanwhile`.
/// Returns the result of `read`.
fn blocked<T: Send>(read: impl FnOnce() -> T + Send, meanwhile: impl FnOnce()) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            sender.send(rustix::thread::gettid()).unwrap();
            read()
        });
        let stat = format!("/proc/self/task/{}/stat", receiver.recv().unwrap());
        let is_blocked = || fs::read_to_string(&stat).unwrap().contains(") S ");
        wait_until("the reader to block", is_blocked);
        meanwhile();
        reader.join().unwrap()
    })
}

/// A server with short retransmission timeouts.
fn quick_server(family: Family) -> OwnedFd {
    let server = server(family);
    // For future associations: initial, maximum and minimum RTO in milliseconds.
    option::set_words(&server, libc::SCTP_RTOINFO, &[0, 100, 200, 100]);
    server
}

fn wait_for_end(peeled: &OwnedFd) {
    wait_until_ended(peeled);
    // On a peeled-off socket the kernel ignores the id.
    let any = AssocId::from_raw(0);
    assert_eq!(sockopt::has_assoc(peeled, any), Ok(false));
}

/// The result of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    Data(String),
    EndOfFile,
    /// `SCTP_SHUTDOWN_EVENT`
    Shutdown,
    /// `SCTP_ASSOC_CHANGE`, with its state
    Change(State),
    Failed(Errno),
}

fn data(text: &str) -> Read {
    Read::Data(text.to_owned())
}

fn read(socket: &OwnedFd) -> Read {
    match receive(socket) {
        Ok(message) if message.notification => notification(&message),
        Ok(message) if message.data.is_empty() => Read::EndOfFile,
        Ok(message) => Read::Data(String::from_utf8(message.data).expect("text")),
        Err(errno) => Read::Failed(errno),
    }
}

fn notification(message: &Message) -> Read {
    match Reader::new().read(&message.data, MSG_NOTIFICATION | ReturnFlags::EOR) {
        Received::AssocChange(change) => Read::Change(change.state),
        _ if message.data[..2] == SHUTDOWN_EVENT.to_ne_bytes() => Read::Shutdown,
        other => panic!("{other:?} {:?}", message.data),
    }
}

const INTEREST: EventFlags = EventFlags::IN
    .union(EventFlags::RDHUP)
    .union(EventFlags::OUT);
