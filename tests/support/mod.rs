//! Support for tests and benches: servers, clients, messages, simulated old kernels and
//! descriptor counts.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "each test program uses only some of the items"
)]
#![allow(clippy::missing_panics_doc, clippy::must_use_candidate)]

#[cfg(target_os = "linux")]
pub mod cgroup;
pub mod descriptors;
#[cfg(target_os = "linux")]
pub mod epoll;
#[cfg(target_os = "linux")]
pub mod filter;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod message;
pub mod option;
#[cfg(target_os = "linux")]
pub mod others;
#[cfg(target_os = "linux")]
pub mod packets;
pub mod process;
#[cfg(target_os = "linux")]
pub mod system;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{self, AddressFamily, SocketType, ipproto::SCTP};
use sctp_peeloff::{AssocId, assoc_id_of_peer, assoc_ids};

/// Panics with the value unless the value matches the pattern.
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        assert_matches!($value, $pattern $(if $guard)?, "")
    };
    ($value:expr, $pattern:pat $(if $guard:expr)?, $($context:tt)+) => {
        match $value {
            $pattern $(if $guard)? => {}
            ref value => panic!("{value:?} {}", format_args!($($context)+)),
        }
    };
}
pub(crate) use assert_matches;

/// The timeout of every wait, which is long enough for a loaded machine. A test that passes
/// does not wait this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    V4,
    V6,
}

pub const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

impl Family {
    pub fn domain(self) -> AddressFamily {
        match self {
            Self::V4 => AddressFamily::INET,
            Self::V6 => AddressFamily::INET6,
        }
    }

    pub fn loopback(self) -> SocketAddr {
        match self {
            Self::V4 => (Ipv4Addr::LOCALHOST, 0).into(),
            Self::V6 => (Ipv6Addr::LOCALHOST, 0).into(),
        }
    }

    pub fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Self::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

/// A socket that is bound to loopback. Its receive timeout is [`PATIENCE`], so that no test
/// hangs.
pub fn socket(family: Family, kind: SocketType) -> OwnedFd {
    let socket = net::socket(family.domain(), kind, Some(SCTP)).expect("an SCTP socket");
    net::bind(&socket, &family.loopback()).expect("bind to loopback");
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).expect("a timeout");
    socket
}

pub fn address(socket: impl AsFd) -> SocketAddr {
    net::getsockname(socket)
        .expect("an address")
        .try_into()
        .expect("an IP address")
}

/// A listening one-to-many socket that receives `SCTP_RCVINFO` with each message.
pub fn server(family: Family) -> OwnedFd {
    let server = socket(family, SocketType::SEQPACKET);
    option::receive_info(&server);
    net::listen(&server, 1024).expect("listen");
    server
}

/// A one-to-one socket that is associated with the server.
pub fn client(family: Family, server: &OwnedFd) -> OwnedFd {
    let client = socket(family, SocketType::STREAM);
    option::receive_info(&client);
    net::connect(&client, &address(server)).expect("associate");
    client
}

/// A client and the id of its association at the server.
///
/// `connect` may return before the server has received the client's last handshake chunk.
/// This function therefore waits until the server has the association.
pub fn associate(family: Family, server: &OwnedFd) -> (OwnedFd, AssocId) {
    let client = client(family, server);
    let peer = address(&client);
    let id = wait_for("the association", || assoc_id_of_peer(server, peer).ok());
    (client, id)
}

/// A server, the client of its only association, and the id of this association.
pub fn associated(family: Family) -> (OwnedFd, OwnedFd, AssocId) {
    let server = server(family);
    let (client, id) = associate(family, &server);
    (server, client, id)
}

pub fn associate_many(family: Family, server: &OwnedFd, number: usize) -> Vec<(OwnedFd, AssocId)> {
    (0..number).map(|_| associate(family, server)).collect()
}

/// Returns the number of repetitions of a test: `full` if `SUITE_FULL` is `1` or
/// `repetitions`, and otherwise `short`.
pub fn repetitions(what: &str, full: usize, short: usize) -> usize {
    let is_full =
        std::env::var_os("SUITE_FULL").is_some_and(|value| value == "1" || value == "repetitions");
    choose(what, is_full, full, short)
}

/// Returns the number of rounds of a race: `full` if `SUITE_FULL` has any value and there is
/// more than one CPU, and otherwise `short`. The value `races` affects only this function.
pub fn race_rounds(full: usize, short: usize) -> usize {
    let cpus = thread::available_parallelism().expect("the number of CPUs");
    let is_full = std::env::var_os("SUITE_FULL").is_some() && cpus.get() > 1;
    choose("rounds", is_full, full, short)
}

/// Writes the number directly to standard error, because libtest captures the output of tests
/// that pass.
fn choose(what: &str, is_full: bool, full: usize, short: usize) -> usize {
    let number = if is_full { full } else { short };
    write!(
        std::io::stderr(),
        "{number} {what} (SUITE_FULL=repetitions: {full}) "
    )
    .expect("stderr");
    number
}

/// Calls `ready` until it returns a value and returns that value.
pub fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut polls = 0;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "timed out waiting for {what}");
        // Most are ready at once, and a sleep is at least a tick of the kernel's timer.
        if polls < 20 {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_millis(1));
        }
        polls += 1;
    }
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits until the socket has no association.
pub fn wait_until_ended(socket: &OwnedFd) {
    wait_until("the end", || assoc_ids(socket).unwrap().is_empty());
}

/// Runs each body in its own thread. Returns their results in the same order.
pub fn in_threads<T: Send>(bodies: impl Iterator<Item = impl FnOnce() -> T + Send>) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = bodies.map(|body| scope.spawn(body)).collect();
        let results = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        results.map(|result| result.expect("no panic")).collect()
    })
}

/// Runs the body in a new thread and returns its result.
pub fn in_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(body).join().expect("no panic"))
}
