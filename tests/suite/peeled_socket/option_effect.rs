//! Options that have no effect on a peeled-off socket, or a different effect than on an
//! accepted socket.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{self, SendFlags, SocketType};
use sctp_peeloff::sockopt::SOL_SCTP;

use super::{peel, peel_nonblocking, read, wait_for_end};
use crate::support::message::{Message, SHUTDOWN_EVENT, passes, send};
use crate::support::option::{SCTP_EVENT, drop_packets, get, set, set_words};
use crate::support::{
    FAMILIES, Family, address, associate, associated, client, kernel, server, socket, wait_until,
};

/// A peeled-off socket, and the client of its association.
fn peeled(family: Family) -> (OwnedFd, OwnedFd) {
    let (server, client, assoc) = associated(family);
    (peel(&server, assoc), client)
}

/// An accepted socket and its client.
fn accepted(family: Family) -> (OwnedFd, OwnedFd) {
    let listener = socket(family, SocketType::STREAM);
    net::listen(&listener, 1).unwrap();
    let client = client(family, &listener);
    (net::accept(&listener).unwrap(), client)
}

fn words<const N: usize>(socket: &OwnedFd, option: i32) -> [i32; N] {
    let mut bytes = vec![0; 4 * N];
    get(socket, SOL_SCTP, option, &mut bytes).unwrap();
    std::array::from_fn(|at| i32::from_ne_bytes(bytes[4 * at..][..4].try_into().unwrap()))
}

#[test]
fn autoclose_has_no_effect_if_set_after_the_peel_off() {
    let (peeled, client) = peeled(Family::V4);
    set_words(&peeled, libc::SCTP_AUTOCLOSE, &[1]);
    assert_eq!(words(&peeled, libc::SCTP_AUTOCLOSE), [1]);
    // The poll waits longer than the idle time that SCTP_AUTOCLOSE permits.
    let mut sockets = [PollFd::new(&client, PollFlags::IN)];
    let time = Timespec::try_from(Duration::from_millis(2500)).unwrap();
    assert_eq!(poll(&mut sockets, Some(&time)), Ok(0));
    passes(&client, &peeled, "works");
}

/// With `SCTP_AUTOCLOSE`, the kernel ends an association that has been idle for the given time
/// in seconds.
#[test]
fn autoclose_cannot_be_disabled_after_the_peel_off() {
    let server = server(Family::V4);
    set_words(&server, libc::SCTP_AUTOCLOSE, &[3]);
    let (client, assoc) = associate(Family::V4, &server);
    let peeled = peel(&server, assoc);
    set_words(&peeled, libc::SCTP_AUTOCLOSE, &[0]);
    assert_eq!(read(&client), super::Read::EndOfFile);
    wait_for_end(&peeled);
    assert_eq!(read(&peeled), super::Read::Failed(Errno::NOTCONN));
}

#[test]
fn autoclose_fails_with_eopnotsupp_on_an_accepted_socket() {
    let (accepted, _client) = accepted(Family::V4);
    let value = 1_i32.to_ne_bytes();
    let result = set(&accepted, SOL_SCTP, libc::SCTP_AUTOCLOSE, &value);
    assert_eq!(result, Err(Errno::OPNOTSUPP));
}

#[test]
fn sendto_another_address_fails_with_eaddrnotavail_on_an_accepted_socket() {
    for family in FAMILIES {
        let other = address(server(family));
        let (accepted, _client) = accepted(family);
        let sent = net::sendto(&accepted, b"to another", SendFlags::empty(), &other);
        assert_eq!(sent, Err(Errno::ADDRNOTAVAIL));
    }
}

#[test]
fn supported_extensions_do_not_change_after_the_setup() {
    for option in [113, 117, 128, 129, 130] {
        let (peeled, _client) = peeled(Family::V4);
        // struct sctp_assoc_value
        let mut before = [0_i32; 2].map(i32::to_ne_bytes).concat();
        match get(&peeled, SOL_SCTP, option, &mut before) {
            Err(Errno::NOPROTOOPT) => continue,
            length => assert_eq!(length, Ok(8), "option {option}"),
        }
        let mut after = before.clone();
        after[4] ^= 1;
        set(&peeled, SOL_SCTP, option, &after).unwrap();
        get(&peeled, SOL_SCTP, option, &mut after).unwrap();
        assert_eq!(after, before, "option {option}");
    }
}

/// Sets a `struct sctp_event`. The kernel ignores the id on a peeled-off socket. Returns false on
/// kernels before 5.0, which do not have the option.
fn subscribe_shutdown_event(socket: &OwnedFd, assoc: i32) -> bool {
    let mut event = assoc.to_ne_bytes().to_vec();
    event.extend(SHUTDOWN_EVENT.to_ne_bytes());
    event.extend([1, 0]);
    let result = set(socket, SOL_SCTP, SCTP_EVENT, &event);
    let is_supported = kernel::version() >= (5, 0);
    assert_eq!(result, is_supported.then_some(()).ok_or(Errno::NOPROTOOPT));
    is_supported
}

#[test]
fn event_subscribes_a_peeled_off_socket_for_any_id() {
    for assoc in [0, 1, 2, 999] {
        let (peeled, client) = peeled(Family::V4);
        if !subscribe_shutdown_event(&peeled, assoc) {
            return;
        }
        drop(client);
        assert_eq!(read(&peeled), super::Read::Shutdown, "id {assoc}");
    }
}

#[test]
fn event_with_id_0_on_the_one_to_many_socket_applies_to_future_associations() {
    let (server, client, assoc) = associated(Family::V4);
    if !subscribe_shutdown_event(&server, 0) {
        return;
    }
    let peeled = peel_nonblocking(&server, assoc);
    drop(client);
    wait_for_end(&peeled);
    assert_eq!(read(&peeled), super::Read::Failed(Errno::AGAIN));
    let (client, assoc) = associate(Family::V4, &server);
    let peeled = peel(&server, assoc);
    drop(client);
    assert_eq!(read(&peeled), super::Read::Shutdown);
}

/// The peer does not respond. The close of an accepted socket would wait for ten minutes.
#[test]
fn close_does_not_linger_on_a_peeled_off_socket() {
    let (peeled, client) = peeled(Family::V4);
    set_socket_linger(&peeled, Some(Duration::from_secs(600))).unwrap();
    drop_packets(&client);
    send(&peeled, &Message::new("unacknowledged", 0, 0)).unwrap();
    let close = thread::spawn(|| drop(peeled));
    wait_until("the close", || close.is_finished());
    super::option::abort_on_close(&client);
}

#[test]
fn larger_receive_buffer_does_not_enlarge_the_receive_window() {
    // struct sctp_assocparams: sasoc_local_rwnd is the fourth word.
    let window = |socket: &OwnedFd| words::<5>(socket, libc::SCTP_ASSOCINFO)[3];
    let (peeled, _client) = peeled(Family::V4);
    let before = window(&peeled);
    net::sockopt::set_socket_recv_buffer_size(&peeled, 1_000_000).unwrap();
    assert_eq!(window(&peeled), before);
}
