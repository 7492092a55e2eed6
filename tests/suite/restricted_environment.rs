//! Restricted environments, which are common in embedded systems.

use std::os::fd::AsRawFd;

use rustix::io::{FdFlags, fcntl_getfd};
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags};

use crate::support::message::works;
use crate::support::{FAMILIES, Family, address, associated, process};

#[test]
fn peeloff_flags_succeeds_in_an_empty_root() {
    process::alone(|| {
        let empty = env!("CARGO_TARGET_TMPDIR").to_owned() + "/empty-root";
        std::fs::create_dir_all(&empty).unwrap();
        rustix::process::chroot(&empty).unwrap();
        rustix::process::chdir("/").unwrap();
        assert_eq!(std::fs::read_dir("/").unwrap().count(), 0);
        for (server, client, id) in FAMILIES.into_iter().map(associated) {
            assert_eq!(assoc_ids(&server).unwrap(), [id]);
            assert_eq!(assoc_id_of_peer(&server, address(&client)).unwrap(), id);
            let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
            works(&peeled, &client, id);
        }
    });
}

/// The new descriptor is 0, then 1, then 2.
#[test]
#[allow(unsafe_code, reason = "the standard descriptors are closed")]
fn peeloff_flags_succeeds_with_the_standard_descriptors_closed() {
    process::alone(|| {
        for number in 0..3 {
            let (server, client, id) = associated(Family::V4);
            assert!(server.as_raw_fd() > 2 && client.as_raw_fd() > 2);
            // SAFETY: the standard descriptor is open, and no other code in this process owns
            // it.
            unsafe { rustix::io::close(number) };
            let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
            assert_eq!(peeled.as_raw_fd(), number);
            assert_eq!(fcntl_getfd(&peeled).unwrap(), FdFlags::CLOEXEC);
            works(&peeled, &client, id);
            // The descriptor stays open, so that the next round uses the next one.
            std::mem::forget(peeled);
        }
    });
}
