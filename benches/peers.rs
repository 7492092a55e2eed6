//! The cost of a peel-off with other libraries, each compared with the corresponding function
//! of this crate.
//!
//! The crates for Tokio register the new descriptor with the runtime, so their figures include
//! the registration. For comparison, this crate's functions are followed by
//! `AsyncFd::register`. The runtime does not run during a measurement.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use common::measure::{SAMPLES, Table, peeloffs, settle};
use common::support::{FAMILIES, Family, descriptors, server};
use common::variants::{
    BARE_FLAGS, BARE_PLAIN, FLAGS, GUARDED, RAW_FLAGS, RAW_PLAIN, Variant, Way,
};
use sctp_peeloff::AssocId;
use tokio::io::unix::AsyncFd;

// The C functions have no pointer arguments.
#[link(name = "sctp", kind = "static")]
unsafe extern "C" {
    safe fn sctp_peeloff(socket: c_int, assoc: i32) -> c_int;
    safe fn sctp_peeloff_flags(socket: c_int, assoc: i32, flags: u32) -> c_int;
}

// The functions of src/capi, which `report` renames so that both libraries can be linked.
#[link(name = "capi", kind = "static")]
unsafe extern "C" {
    safe fn capi_peeloff(socket: c_int, assoc: i32) -> c_int;
    safe fn capi_peeloff_flags(socket: c_int, assoc: i32, flags: u32) -> c_int;
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    let _runtime = runtime.enter();
    let mut table = Table::default();
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
    socket: impl AsFd,
    name: &str,
    against: &str,
    way: impl Fn(&OwnedFd, AssocId) -> R,
) {
    let server = socket.as_fd().try_clone_to_owned().expect("a duplicate");
    let figures = peeloffs(SAMPLES, family, &server, way);
    table.row("peers", name, family, &figures, against);
}

/// Converts the descriptor that a C function returned.
fn peeled_off(fd: c_int) -> OwnedFd {
    assert!(fd >= 0, "peeled off");
    // SAFETY: the C function returned a new descriptor, which no other value owns.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn libsctp_flags(server: &OwnedFd, id: AssocId) -> OwnedFd {
    let (socket, id) = (server.as_raw_fd(), id.as_raw());
    peeled_off(sctp_peeloff_flags(socket, id, FLAGS.bits()))
}

fn libsctp_plain(server: &OwnedFd, id: AssocId) -> OwnedFd {
    peeled_off(sctp_peeloff(server.as_raw_fd(), id.as_raw()))
}

fn capi_flags(server: &OwnedFd, id: AssocId) -> OwnedFd {
    let (socket, id) = (server.as_raw_fd(), id.as_raw());
    peeled_off(capi_peeloff_flags(socket, id, FLAGS.bits()))
}

fn capi_plain(server: &OwnedFd, id: AssocId) -> OwnedFd {
    peeled_off(capi_peeloff(server.as_raw_fd(), id.as_raw()))
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
        row(table, family, &server, name, against, way);
    }
    let lksctp = lksctp_socket(&server);
    let name = "lksctp SctpSocket";
    row(table, family, &server, name, RAW_FLAGS.0, |_, id| {
        let peeled = lksctp.peeloff(lksctp::AssocId(id.as_raw()));
        peeled.expect("peeled off")
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
        row(table, family, &server, name, against, |server, id| {
            // SAFETY: `OwnedFd` keeps the same descriptor open until it is dropped.
            unsafe { AsyncFd::register(way(server, id)) }.expect("registered")
        });
    }

    let lksctp = lksctp::SctpEndpoint::from_socket(lksctp_socket(&server)).expect("lksctp");
    let name = "lksctp SctpEndpoint";
    row(table, family, &server, name, against, |_, id| {
        let peeled = lksctp.peeloff(lksctp::AssocId(id.as_raw()));
        peeled.expect("peeled off")
    });

    let oxirush = oxirush(family);
    let name = "oxirush-sctp OneToManyEndpoint";
    row(table, family, &oxirush, name, against, |_, id| {
        oxirush.peeloff(id.as_raw()).expect("peeled off")
    });

    let (listener, fd) = sctp_rs(family);
    // SAFETY: `listener` owns the descriptor and is dropped after `socket`.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    row(
        table,
        family,
        socket,
        "sctp-rs Listener",
        against,
        |_, id| listener.sctp_peeloff(id.as_raw()).expect("peeled off"),
    );
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
