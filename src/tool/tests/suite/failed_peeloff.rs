//! The output of `serve` after a failed peel-off, which depends on the effect on the
//! association.

use std::os::fd::OwnedFd;

use rustix::process::{Resource, Rlimit, prlimit};
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_STATUS};

use crate::program::{Server, echo, expect_parts};
use crate::support::filter::{Call, denied, flags_option};

/// Starts a server that peels off after two messages, and a client.
fn start() -> (Server, OwnedFd) {
    let mut server = Server::start("127.0.0.1:0", "--after 2");
    let client = server.client();
    (server, client)
}

/// Starts the server on a simulated old kernel, on which these calls are not permitted.
fn start_denied(calls: impl IntoIterator<Item = Call> + Send) -> (Server, OwnedFd) {
    denied([flags_option()], libc::ENOPROTOOPT, || {
        denied(calls, libc::EPERM, start)
    })
}

fn limit_descriptors(server: &Server, limit: u64) {
    let limit = Rlimit {
        current: Some(limit),
        maximum: Some(1024),
    };
    prlimit(Some(server.pid()), Resource::Nofile, limit).unwrap();
}

/// The server has more descriptors open, so that none is available. A lower limit would make
/// poll(2) fail.
const NONE_FREE: u64 = 4;

/// Stops the server.
#[track_caller]
fn expect_total(mut server: Server, expected: &str) {
    let total = server.total();
    assert!(total.starts_with(expected), "{total}");
    // At exit, the server does not wait for the end of a terminated association.
    assert_eq!(server.count("ending"), 0, "{:?}", server.seen);
}

#[test]
fn serve_retries_a_peeloff_that_failed_at_the_descriptor_limit() {
    let (mut server, client) = start();
    limit_descriptors(&server, NONE_FREE);
    echo(&client, 0);
    echo(&client, 1);
    let parts = [
        "no file descriptor available (EMFILE)",
        "RLIMIT_NOFILE (ulimit -n)",
    ];
    expect_parts(&server.wait_for("refused"), &parts);
    echo(&client, 2);
    limit_descriptors(&server, 1024);
    echo(&client, 3);
    server.wait_for("peeled");
    echo(&client, 4);
}

/// The filter denies the fcntl call with which the library checks for a free descriptor.
#[test]
fn serve_reports_an_association_that_the_kernel_has_terminated() {
    let duplicate = Call::fcntl(libc::F_DUPFD_CLOEXEC).with_argument(2, 0);
    let (mut server, busy) = denied([duplicate], libc::EPERM, start);
    let sporadic = server.client();
    limit_descriptors(&server, NONE_FREE);
    echo(&busy, 0);
    echo(&busy, 1);
    let terminated = " after 2 messages, 18 bytes: association terminated by the kernel: ";
    expect_parts(
        &server.wait_for("terminated"),
        &[terminated, "RLIMIT_NOFILE"],
    );
    echo(&sporadic, 2);
    expect_total(
        server,
        "2 associations, 0 established, 0 peeled off; 3 messages",
    );
}

#[test]
fn serve_reports_that_the_state_of_an_association_is_unknown() {
    let (mut server, client) =
        start_denied([SCTP_SOCKOPT_PEELOFF, SCTP_STATUS].map(Call::getsockopt));
    echo(&client, 0);
    echo(&client, 1);
    let parts = ["state of the association is unknown: ", "seccomp filter"];
    expect_parts(&server.wait_for("unknown"), &parts);
    // The association is still on the one-to-many socket.
    echo(&client, 2);
    expect_total(
        server,
        "1 association, 0 established, 0 peeled off; 3 messages",
    );
}

#[test]
fn serve_uses_a_peeled_off_socket_whose_flags_are_not_set() {
    let (mut server, client) = start_denied([Call::fcntl(libc::F_SETFL)]);
    echo(&client, 0);
    echo(&client, 1);
    let peeled = server.wait_for("peeled");
    let (_, descriptor) = peeled.split_once("descriptor ").expect("a descriptor");
    let descriptor = descriptor.split(' ').next().expect("a number");
    let pid = server.pid().as_raw_nonzero();
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = i32::from_str_radix(flags.expect("flags").trim(), 8).unwrap();
    assert_eq!(flags & libc::O_NONBLOCK, 0, "{info}");
    echo(&client, 2);
    expect_total(
        server,
        "1 association, 0 established, 1 peeled off; 3 messages",
    );
}
