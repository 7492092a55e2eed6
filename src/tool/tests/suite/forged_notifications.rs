//! `serve` with clients that forge notifications.
//!
//! The server receives a notification that does not fit into its buffer in two parts. The
//! client chooses the bytes of the second part. To split the notification at this place, the
//! client fills the buffer with an unfinished message and leaves room only for the first part.

use std::os::fd::OwnedFd;

use rustix::net::{self, SocketType};
use rustix::process::Signal;

use crate::program::Server;
use crate::raw_client::RawClient;
use crate::support::message::{Message, receive, send};
use crate::support::{Family, socket};

/// The size of the server's buffer.
const BUFFER: usize = 256 * 1024;
/// The number of bytes before those that the client chooses: `struct sctp_assoc_change` and
/// the header of an error cause.
const ASSOC_CHANGE: usize = 20 + 4;
/// The same number for an ERROR chunk: `struct sctp_remote_error`.
const REMOTE_ERROR: usize = 16;

const COMM_UP: u16 = 0;
const COMM_LOST: u16 = 1;
const RESTART: u16 = 2;
const SHUTDOWN_COMP: u16 = 3;
const CANT_STR_ASSOC: u16 = 4;

/// A forged `struct sctp_assoc_change`.
fn assoc_change(state: u16, assoc: i32) -> Vec<u8> {
    let mut bytes = [0x8001, 0].map(u16::to_ne_bytes).concat();
    bytes.extend(20_u32.to_ne_bytes());
    bytes.extend([state, 0, 10, 10].map(u16::to_ne_bytes).concat());
    bytes.extend(assoc.to_ne_bytes());
    bytes
}

fn id(line: &str) -> i32 {
    let words = line.strip_prefix("association ").expect("an association");
    let end = words.find([',', ' ']).unwrap_or(words.len());
    words[..end].parse().expect("an id")
}

/// The chunk that carries the forged notification.
enum Carrier {
    Abort,
    /// The server does not subscribe to `SCTP_REMOTE_ERROR`.
    Error,
}

/// Connects another client. Returns it with the id of its association.
fn other_client(server: &mut Server) -> (OwnedFd, i32) {
    let client = socket(Family::V4, SocketType::STREAM);
    net::connect(&client, &server.address).unwrap();
    let id = id(&server.wait_for("up"));
    (client, id)
}

/// Checks that the server has printed exactly the lines with these labels.
fn expect_lines(mut server: Server, other: &OwnedFd, expected: &[&str]) {
    // The server reads this message after the second part of the notification.
    let message = Message::new("message", 0, 0);
    send(other, &message).unwrap();
    assert_eq!(receive(other).unwrap().data, message.data);
    server.signal(Signal::TERM);
    server.wait_for("total");
    let labels = server.seen.iter().filter_map(|line| line.split(' ').next());
    let labels: Vec<_> = labels.collect();
    assert_eq!(labels, expected, "{:?}", server.seen);
}

/// Attacks the server. `room` is the free space in the server's buffer, in bytes, when the
/// notification arrives.
fn attack(carrier: &Carrier, state: u16, room: usize) {
    let mut server = Server::start("127.0.0.1", &["--after", "1000"]);
    let (other, other_id) = other_client(&mut server);
    let mut attacker = RawClient::connect(server.address);
    let attacker_id = id(&server.wait_for("up"));
    // No client has an association with id 77.
    let forged = if state == COMM_UP { 77 } else { other_id };
    let forged = assoc_change(state, forged);
    attacker.begin_message(BUFFER - room);
    match carrier {
        Carrier::Abort => attacker.abort(&forged),
        Carrier::Error => {
            attacker.error(&forged);
            attacker.abort(&[]);
        }
    }
    let aborted = server.wait_for("aborted");
    assert_eq!(id(&aborted), attacker_id, "{aborted}");
    let expected = ["server", "option", "up", "up", "aborted", "ended", "total"];
    expect_lines(server, &other, &expected);
}

#[test]
fn serve_ignores_an_assoc_change_that_an_abort_forges() {
    for state in [COMM_UP, COMM_LOST, RESTART, SHUTDOWN_COMP, CANT_STR_ASSOC] {
        attack(&Carrier::Abort, state, ASSOC_CHANGE);
    }
}

#[test]
fn serve_ignores_an_assoc_change_that_a_remote_error_forges() {
    for state in [COMM_UP, COMM_LOST, RESTART, SHUTDOWN_COMP, CANT_STR_ASSOC] {
        attack(&Carrier::Error, state, REMOTE_ERROR);
    }
}

#[test]
fn serve_reports_an_abort_with_little_room_in_the_buffer() {
    for room in [1, 10, 20, 21] {
        attack(&Carrier::Abort, SHUTDOWN_COMP, room);
    }
}

#[test]
fn serve_reports_an_abort_of_a_peeled_off_association_with_little_room_in_the_buffer() {
    for room in [1, 10, 20, 21] {
        let mut server = Server::start("127.0.0.1", &["--after", "2"]);
        let (other, other_id) = other_client(&mut server);
        let mut attacker = RawClient::connect(server.address);
        attacker.message(b"one");
        attacker.message(b"two");
        server.wait_for("peeled");
        attacker.begin_message(BUFFER - room);
        attacker.abort(&assoc_change(RESTART, other_id));
        server.wait_for("aborted");
        let expected = [
            "server", "option", "up", "up", "peeled", "aborted", "ended", "total",
        ];
        expect_lines(server, &other, &expected);
    }
}
