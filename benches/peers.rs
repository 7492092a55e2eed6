//! The cost of a peel-off with other libraries, each compared with the corresponding function
//! of this crate.
//!
//! The crates for Tokio register the new descriptor with the runtime, so their figures include
//! the registration. For comparison, this crate's functions are followed by
//! `AsyncFd::register`. The runtime does not run during a measurement.
#![allow(
    unsafe_code,
    reason = "C calls, and descriptors that other libraries opened"
)]

#[path = "support/count.rs"]
#[allow(dead_code, reason = "instructions.rs uses the other items")]
mod count;
#[path = "support/measure.rs"]
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/variants.rs"]
#[allow(dead_code, reason = "instructions.rs uses the other items")]
mod variants;

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use measure::{Table, number, sample, settle};
use sctp_peeloff::AssocId;
use support::{FAMILIES, Family, associate, descriptors, server};
use tokio::io::unix::AsyncFd;
use variants::{BARE_FLAGS, BARE_PLAIN, FLAGS, GUARDED, RAW_FLAGS, RAW_PLAIN, Variant, Way};

const SAMPLES: usize = 101;

#[link(name = "sctp", kind = "static")]
unsafe extern "C" {
    fn sctp_peeloff(socket: c_int, assoc: i32) -> c_int;
    fn sctp_peeloff_flags(socket: c_int, assoc: i32, flags: u32) -> c_int;
}

// The functions of src/capi, which `report` renames so that both libraries can be linked.
#[link(name = "capi", kind = "static")]
unsafe extern "C" {
    fn capi_peeloff(socket: c_int, assoc: i32) -> c_int;
    fn capi_peeloff_flags(socket: c_int, assoc: i32, flags: u32) -> c_int;
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    let _runtime = runtime.enter();
    let mut table = Table::new();
    settle();
    for family in FAMILIES {
        one_call(&mut table, family);
        tokio_crates(&mut table, family);
    }
}

/// A row for a way to peel off from this socket.
fn row<R>(
    table: &mut Table,
    family: Family,
    socket: BorrowedFd<'_>,
    (name, against): (&str, &str),
    way: impl Fn(&OwnedFd, AssocId) -> R,
) {
    let server = socket.try_clone_to_owned().expect("a duplicate");
    let figures = sample(
        number(SAMPLES),
        || associate(family, &server),
        |(_, id): &(OwnedFd, AssocId)| way(&server, *id),
    );
    table.row("peers", name, family, &figures, against);
}

/// Converts the descriptor that a C function returned.
fn peeled_off(fd: c_int) -> OwnedFd {
    assert!(fd >= 0, "peeled off");
    // SAFETY: the C function returned a new descriptor, which no other value owns.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn libsctp_flags(server: &OwnedFd, id: AssocId) -> OwnedFd {
    // SAFETY: the function has no pointer argument.
    peeled_off(unsafe { sctp_peeloff_flags(server.as_raw_fd(), id.as_raw(), FLAGS.bits()) })
}

fn libsctp_plain(server: &OwnedFd, id: AssocId) -> OwnedFd {
    // SAFETY: the function has no pointer argument.
    peeled_off(unsafe { sctp_peeloff(server.as_raw_fd(), id.as_raw()) })
}

fn capi_flags(server: &OwnedFd, id: AssocId) -> OwnedFd {
    // SAFETY: the function has no pointer argument.
    peeled_off(unsafe { capi_peeloff_flags(server.as_raw_fd(), id.as_raw(), FLAGS.bits()) })
}

fn capi_plain(server: &OwnedFd, id: AssocId) -> OwnedFd {
    // SAFETY: the function has no pointer argument.
    peeled_off(unsafe { capi_peeloff(server.as_raw_fd(), id.as_raw()) })
}

/// The libraries that accept any descriptor and do not register it.
fn one_call(table: &mut Table, family: Family) {
    let server = server(family);
    let flags: Variant = ("libsctp sctp_peeloff_flags", libsctp_flags, RAW_FLAGS.0);
    let plain: Variant = ("libsctp sctp_peeloff", libsctp_plain, RAW_PLAIN.0);
    let variants: [Variant; 8] = [
        BARE_FLAGS,
        RAW_FLAGS,
        flags,
        ("sctp_peeloff_flags of the C library", capi_flags, flags.0),
        BARE_PLAIN,
        RAW_PLAIN,
        plain,
        ("sctp_peeloff of the C library", capi_plain, plain.0),
    ];
    for (name, way, against) in variants {
        row(table, family, server.as_fd(), (name, against), way);
    }
    let lksctp = lksctp_socket(&server);
    let names = ("lksctp SctpSocket", RAW_FLAGS.0);
    row(table, family, server.as_fd(), names, |_, id| {
        lksctp
            .peeloff(lksctp::AssocId(id.as_raw()))
            .expect("peeled off")
    });
}

fn tokio_crates(table: &mut Table, family: Family) {
    let server = server(family);
    let ours: [(_, Way); 2] = [
        ("sockopt::peeloff_flags, AsyncFd", RAW_FLAGS.1),
        ("peeloff_flags, AsyncFd", GUARDED.1),
    ];
    let against = ours[0].0;
    for (name, way) in ours {
        row(
            table,
            family,
            server.as_fd(),
            (name, against),
            |server, id| {
                // SAFETY: `OwnedFd` keeps the same descriptor open until it is dropped.
                unsafe { AsyncFd::register(way(server, id)) }.expect("registered")
            },
        );
    }

    let lksctp = lksctp::SctpEndpoint::from_socket(lksctp_socket(&server)).expect("lksctp");
    let names = ("lksctp SctpEndpoint", against);
    row(table, family, server.as_fd(), names, |_, id| {
        lksctp
            .peeloff(lksctp::AssocId(id.as_raw()))
            .expect("peeled off")
    });

    let oxirush = oxirush(family);
    let names = ("oxirush-sctp OneToManyEndpoint", against);
    row(table, family, oxirush.as_fd(), names, |_, id| {
        oxirush.peeloff(id.as_raw()).expect("peeled off")
    });

    let (listener, fd) = sctp_rs(family);
    // SAFETY: `listener` owns the descriptor and is dropped after `socket`.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    let names = ("sctp-rs Listener", against);
    row(table, family, socket, names, |_, id| {
        listener.sctp_peeloff(id.as_raw()).expect("peeled off")
    });
}

fn lksctp_socket(server: &OwnedFd) -> lksctp::SctpSocket {
    let duplicate = server.try_clone().expect("a duplicate");
    // SAFETY: `into_raw_fd` passes the ownership of the duplicate to the socket.
    unsafe { lksctp::SctpSocket::from_raw_fd(duplicate.into_raw_fd()) }
}

fn oxirush(family: Family) -> oxirush_sctp::OneToManyEndpoint {
    use oxirush_sctp::{Socket, SocketToAssociation::OneToMany};
    let socket = match family {
        Family::V4 => Socket::new_v4(OneToMany),
        Family::V6 => Socket::new_v6(OneToMany),
    };
    let socket = socket.expect("oxirush-sctp");
    socket.bind(family.loopback()).expect("bind");
    socket.into_endpoint(1024).expect("listen")
}

/// Returns a listener with its descriptor. `Listener` does not expose the descriptor, so the
/// function searches for the descriptor that was opened.
fn sctp_rs(family: Family) -> (sctp_rs::Listener, c_int) {
    use sctp_rs::{Socket, SocketToAssociation::OneToMany};
    let before = descriptors::open();
    let socket = match family {
        Family::V4 => Socket::new_v4(OneToMany),
        Family::V6 => Socket::new_v6(OneToMany),
    };
    let socket = socket.expect("sctp-rs");
    socket.bind(family.loopback()).expect("bind");
    let listener = socket.listen(1024).expect("listen");
    let new = descriptors::open();
    let fd = new.into_iter().find(|fd| !before.contains(fd));
    (listener, fd.expect("a new descriptor"))
}
