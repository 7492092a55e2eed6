//! Surroundings of embedded systems: nothing is mounted, and the first descriptors
//! are free.
#![allow(missing_docs)]

mod support;

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use rustix::io::{FdFlags, fcntl_getfd};
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags};
use support::message::{Message, receive, send};
use support::{FAMILIES, associate, filter, server};

/// Says to this program, started again, which part it plays.
const PART: &str = "SCTP_PEELOFF_HOSTILE";
/// A panic cannot be told where descriptor 2 is a socket, nor be missed: its status
/// is another.
const DONE: i32 = 42;

/// The part in a process of its own, since folders and descriptors are a process's.
fn apart(test: &str, part: fn()) {
    if std::env::var_os(PART).is_some() {
        part();
        std::process::exit(DONE);
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(PART, test)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(DONE), "{status}");
}

#[test]
fn on_an_old_kernel() {
    if std::env::var_os(PART).is_none() {
        filter::rerun_on_old_kernel("on_an_old_kernel");
    }
}

fn peel_off(flags: PeeloffFlags) -> Vec<OwnedFd> {
    let mut kept = Vec::new();
    for family in FAMILIES {
        let server = server(family);
        let (client, id) = associate(family, &server);
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        let peer = support::address(&client);
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
    apart("in_an_empty_root", || {
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
    apart("with_the_standard_descriptors_closed", || {
        for number in 0..3 {
            let server = server(support::Family::V4);
            let (client, id) = associate(support::Family::V4, &server);
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
