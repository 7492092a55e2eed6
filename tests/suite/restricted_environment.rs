//! Surroundings of embedded systems: nothing is mounted, and the first descriptors
//! are free.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::{FdFlags, fcntl_getfd};
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags};

use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, Family, address, associate, process, server};

fn peel_off(flags: PeeloffFlags) -> Vec<OwnedFd> {
    let mut kept = Vec::new();
    for family in FAMILIES {
        let server = server(family);
        let (client, id) = associate(family, &server);
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        let peer = address(&client);
        assert_eq!(assoc_id_of_peer(&server, peer).unwrap(), id);
        let peeled = peeloff_flags(&server, id, flags).unwrap();
        send(&client, &Message::new("there", 1, 7)).unwrap();
        assert_eq!(receive(&peeled).unwrap().data, b"there");
        kept.push(peeled);
    }
    kept
}

#[test]
fn in_an_empty_root() {
    process::alone(|| {
        let empty = env!("CARGO_TARGET_TMPDIR").to_owned() + "/empty-root";
        std::fs::create_dir_all(&empty).unwrap();
        rustix::process::chroot(&empty).unwrap();
        rustix::process::chdir("/").unwrap();
        assert_eq!(std::fs::read_dir("/").unwrap().count(), 0);
        peel_off(PeeloffFlags::CLOEXEC);
    });
}

/// A peeled-off association is 0, 1 and 2 in turn.
#[test]
#[allow(unsafe_code, reason = "the standard descriptors are closed")]
fn with_the_standard_descriptors_closed() {
    process::alone(|| {
        for number in 0..3 {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            assert!(server.as_raw_fd() > 2 && client.as_raw_fd() > 2);
            // SAFETY: it is open, and whoever writes to it later has lost only its
            // words: nothing else in this process owns it.
            unsafe { rustix::io::close(number) };
            let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
            assert_eq!(peeled.as_raw_fd(), number);
            assert_eq!(fcntl_getfd(&peeled).unwrap(), FdFlags::CLOEXEC);
            send(&peeled, &Message::new("from low", 1, 7)).unwrap();
            assert_eq!(receive(&client).unwrap().data, b"from low");
            // Kept open, so that the next is another number.
            std::mem::forget(peeled);
        }
    });
}
