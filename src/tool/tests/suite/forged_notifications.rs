//! `serve` with clients that forge notifications.
//!
//! If a notification does not fit into the server's buffer, the server receives it in two
//! parts. The client chooses the bytes of the second part. Before the notification, the client
//! fills the buffer with an unfinished message and leaves room only for the first part.

use std::os::fd::OwnedFd;

use crate::program::{Server, echo};
use crate::raw_client::RawClient;
use crate::support::message::assoc_change;

/// The size of the server's buffer.
const BUFFER: usize = 256 * 1024;
/// The number of bytes before those that the client chooses: `struct sctp_assoc_change` and
/// the header of an error cause.
const ASSOC_CHANGE: usize = 20 + 4;
/// The number of bytes before those of an ERROR chunk: `struct sctp_remote_error`.
const REMOTE_ERROR: usize = 16;

const COMM_UP: u16 = 0;
const RESTART: u16 = 2;
const SHUTDOWN_COMP: u16 = 3;
const CANT_STR_ASSOC: u16 = 4;

/// The id of the association that the line reports.
fn id(line: &str) -> i32 {
    let (_, words) = line.split_once("association ").expect("an association");
    let end = words.find([',', ' ']).unwrap_or(words.len());
    words[..end].parse().expect("an id")
}

/// Starts a server with two clients. Returns the second one, and the id of the first.
fn start(after: &str) -> (Server, OwnedFd, i32, RawClient) {
    let mut server = Server::start("127.0.0.1:0", &format!("--after {after}"));
    let other = server.client();
    let other_id = id(&server.seen[2]);
    let attacker = RawClient::connect(server.address);
    server.wait_for("up");
    (server, other, other_id, attacker)
}

/// Checks that the server has printed exactly the lines with these labels.
fn expect_lines(mut server: Server, other: &OwnedFd, expected: &[&str]) {
    // The server reads this message after the second part of the notification.
    echo(other, 0);
    server.total();
    let labels = server.seen.iter().filter_map(|line| line.split(' ').next());
    let labels: Vec<_> = labels.collect();
    assert_eq!(labels, expected, "{:?}", server.seen);
}

/// Attacks the server. `carry` sends the forged notification. `room` is the free space in the
/// server's buffer, in bytes, when the notification arrives.
fn attack(carry: fn(&RawClient, &[u8]), state: u16, room: usize) {
    let (mut server, other, other_id, mut attacker) = start("1000");
    let attacker_id = id(&server.seen[3]);
    // No client has an association with id 77.
    let forged = if state == COMM_UP { 77 } else { other_id };
    attacker.begin_message(BUFFER - room);
    carry(&attacker, &assoc_change(state, forged, &[]));
    let aborted = server.wait_for("aborted");
    assert_eq!(id(&aborted), attacker_id, "{aborted}");
    let expected = ["server", "option", "up", "up", "aborted", "ended", "total"];
    expect_lines(server, &other, &expected);
}

#[test]
fn serve_ignores_an_assoc_change_that_an_abort_forges() {
    for state in COMM_UP..=CANT_STR_ASSOC {
        attack(RawClient::abort, state, ASSOC_CHANGE);
    }
}

/// The server does not subscribe to `SCTP_REMOTE_ERROR`.
#[test]
fn serve_ignores_an_assoc_change_that_a_remote_error_forges() {
    let carry = |attacker: &RawClient, forged: &[u8]| {
        attacker.error(forged);
        attacker.abort(&[]);
    };
    for state in COMM_UP..=CANT_STR_ASSOC {
        attack(carry, state, REMOTE_ERROR);
    }
}

#[test]
fn serve_reports_an_abort_with_little_room_in_the_buffer() {
    for room in [1, 10, 20, 21] {
        attack(RawClient::abort, SHUTDOWN_COMP, room);
    }
}

#[test]
fn serve_reports_an_abort_of_a_peeled_off_association_with_little_room_in_the_buffer() {
    for room in [1, 10, 20, 21] {
        let (mut server, other, other_id, mut attacker) = start("2");
        attacker.message(b"one");
        attacker.message(b"two");
        server.wait_for("peeled");
        attacker.begin_message(BUFFER - room);
        attacker.abort(&assoc_change(RESTART, other_id, &[]));
        server.wait_for("aborted");
        let expected = [
            "server", "option", "up", "up", "peeled", "aborted", "ended", "total",
        ];
        expect_lines(server, &other, &expected);
    }
}
