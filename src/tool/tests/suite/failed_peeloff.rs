//! The output of `serve` after a failed peel-off, which depends on the effect on the
//! association.

use std::os::fd::OwnedFd;

use rustix::net::{self, SocketType};
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_STATUS};

use crate::program::{Denied, Server};
use crate::support::filter::{Call, flags_option};
use crate::support::message::{Message, receive, send};
use crate::support::{Family, socket};

/// Starts a server that peels off after two messages, and a client.
fn start(denied: impl IntoIterator<Item = Denied> + Send) -> (Server, OwnedFd) {
    let mut server = Server::start_denied(denied, "127.0.0.1", &["--after", "2"]);
    let client = client(&mut server);
    (server, client)
}

fn client(server: &mut Server) -> OwnedFd {
    let client = socket(Family::V4, SocketType::STREAM);
    net::connect(&client, &server.address).unwrap();
    server.wait_for("up");
    client
}

fn echo(client: &OwnedFd) {
    let message = Message::new("message", 0, 0);
    send(client, &message).unwrap();
    assert_eq!(receive(client).unwrap().data, message.data);
}

/// Sets the descriptor limit of the server to 4. The server has more descriptors open, so that
/// none is available. A lower limit would make poll(2) fail.
fn limit_descriptors(server: &Server) -> Rlimit {
    let limit = Rlimit {
        current: Some(4),
        maximum: Some(1024),
    };
    prlimit(Some(server.pid()), Resource::Nofile, limit).unwrap()
}

/// Stops the server, and returns the line with the totals.
fn total(mut server: Server) -> String {
    server.signal(Signal::TERM);
    let total = server.wait_for("total");
    // At exit, the server does not wait for the end of a terminated association.
    assert_eq!(server.count("ending"), 0, "{:?}", server.seen);
    total
}

#[test]
fn serve_retries_a_peeloff_that_failed_at_the_descriptor_limit() {
    let (mut server, client) = start([]);
    let old = limit_descriptors(&server);
    echo(&client);
    echo(&client);
    let refused = server.wait_for("refused");
    for part in [
        "no file descriptor available (EMFILE)",
        "RLIMIT_NOFILE (ulimit -n)",
    ] {
        assert!(refused.contains(part), "no {part} in: {refused}");
    }
    echo(&client);
    let limit = Rlimit {
        current: old.current.map(|old| old.min(1024)),
        maximum: Some(1024),
    };
    prlimit(Some(server.pid()), Resource::Nofile, limit).unwrap();
    echo(&client);
    server.wait_for("peeled");
    echo(&client);
}

/// The filter denies the fcntl call with which the library checks for a free descriptor.
#[test]
fn serve_reports_an_association_that_the_kernel_has_terminated() {
    let duplicate = Call::fcntl(libc::F_DUPFD_CLOEXEC).with_argument(2, 0);
    let (mut server, busy) = start([(vec![duplicate], libc::EPERM)]);
    let sporadic = client(&mut server);
    limit_descriptors(&server);
    echo(&busy);
    echo(&busy);
    let terminated = server.wait_for("terminated");
    for part in [
        " after 2 messages, 14 bytes: association terminated by the kernel: ",
        "RLIMIT_NOFILE",
    ] {
        assert!(terminated.contains(part), "no {part} in: {terminated}");
    }
    echo(&sporadic);
    let total = total(server);
    let expected = "2 associations, 0 established, 0 peeled off; 3 messages";
    assert!(total.starts_with(expected), "{total}");
}

#[test]
fn serve_reports_that_the_state_of_an_association_is_unknown() {
    let queries = [SCTP_SOCKOPT_PEELOFF, SCTP_STATUS].map(Call::getsockopt);
    let (mut server, client) = start([
        (vec![flags_option()], libc::ENOPROTOOPT),
        (queries.into(), libc::EPERM),
    ]);
    echo(&client);
    echo(&client);
    let unknown = server.wait_for("unknown");
    for part in ["state of the association is unknown: ", "seccomp filter"] {
        assert!(unknown.contains(part), "no {part} in: {unknown}");
    }
    // The association is still on the one-to-many socket.
    echo(&client);
    let total = total(server);
    let expected = "1 association, 0 established, 0 peeled off; 3 messages";
    assert!(total.starts_with(expected), "{total}");
}

#[test]
fn serve_uses_a_peeled_off_socket_whose_flags_are_not_set() {
    let (mut server, client) = start([
        (vec![flags_option()], libc::ENOPROTOOPT),
        (vec![Call::fcntl(libc::F_SETFL)], libc::EPERM),
    ]);
    echo(&client);
    echo(&client);
    let peeled = server.wait_for("peeled");
    let (_, descriptor) = peeled.split_once("descriptor ").expect("a descriptor");
    let descriptor = descriptor.split(' ').next().expect("a number");
    let pid = server.pid().as_raw_nonzero();
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = i32::from_str_radix(flags.expect("flags").trim(), 8).unwrap();
    assert_eq!(flags & libc::O_NONBLOCK, 0, "{info}");
    echo(&client);
    let total = total(server);
    let expected = "1 association, 0 established, 1 peeled off; 3 messages";
    assert!(total.starts_with(expected), "{total}");
}
