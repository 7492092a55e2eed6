//! `subscribe_assoc_change` does not disturb other subscriptions.
//!
//! i386 and s390x are left out, because a seccomp filter cannot inspect the arguments of
//! socketcall.
#![cfg(not(any(target_arch = "x86", target_arch = "s390x")))]

use std::os::fd::OwnedFd;

use sctp_peeloff::notification::{AssocState, Reader, Received};
use sctp_peeloff::sockopt::SOL_SCTP;
use sctp_peeloff::{peeloff, subscribe_assoc_change};

use crate::support::filter::{Call, denied};
use crate::support::message::{SHUTDOWN_EVENT, deliver};
use crate::support::option::{self, SCTP_EVENT, SCTP_EVENTS};
use crate::support::{FAMILIES, Family, associate, associated, server};

/// A way to subscribe: as the kernel is, and as on kernels before 5.0.
type Subscribe = fn(&OwnedFd);

const WAYS: [Subscribe; 2] = [
    |socket| subscribe_assoc_change(socket).unwrap(),
    |socket| {
        let event = [Call::setsockopt(SCTP_EVENT)];
        denied(event, libc::ENOPROTOOPT, || subscribe_assoc_change(socket)).unwrap();
    },
];

/// Reads until the end of an association. Returns whether `SCTP_SHUTDOWN_EVENT` preceded it.
fn read_end(socket: &OwnedFd) -> bool {
    let mut reader = Reader::new();
    let mut has_shutdown_event = false;
    loop {
        let got = deliver(socket, 256, 0).expect("a notification");
        match reader.read(&got.data, got.flags) {
            Received::AssocChange(change) if change.state == AssocState::ShutdownComp => {
                return has_shutdown_event;
            }
            Received::Other => {
                let kind = u16::from_ne_bytes([got.data[0], got.data[1]]);
                has_shutdown_event |= kind == SHUTDOWN_EVENT;
            }
            _ => {}
        }
    }
}

#[test]
fn subscribe_assoc_change_keeps_other_subscriptions() {
    for family in FAMILIES {
        for subscribe in WAYS {
            let server = server(family);
            // sctp_data_io_event and sctp_shutdown_event
            let mut events = [1, 0, 0, 0, 0, 1, 0, 0];
            option::set(&server, SOL_SCTP, SCTP_EVENTS, &events).unwrap();
            let (before, _) = associate(family, &server);
            subscribe(&server);
            option::get(&server, SOL_SCTP, SCTP_EVENTS, &mut events).unwrap();
            assert_eq!(events, [1, 1, 0, 0, 0, 1, 0, 0]);
            // An association that was established before, and one that is established later.
            drop(before);
            assert!(read_end(&server));
            drop(associate(family, &server));
            assert!(read_end(&server));
        }
    }
}

#[test]
fn subscribe_assoc_change_works_on_a_peeled_off_socket() {
    for subscribe in WAYS {
        let (server, client, id) = associated(Family::V4);
        let peeled = peeloff(&server, id).unwrap();
        subscribe(&peeled);
        drop(client);
        assert!(!read_end(&peeled));
    }
}
