//! The flags that come out are those that went in.

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::thread;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, FdFlags, fcntl_getfd};
use sctp_peeloff::{AssocId, Error, PeeloffFlags, peeloff, peeloff_flags, sockopt, supports_flags};

use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, Family, associate, filter, kernel, server};

const COMBINATIONS: [PeeloffFlags; 4] = [
    PeeloffFlags::empty(),
    PeeloffFlags::NONBLOCK,
    PeeloffFlags::CLOEXEC,
    PeeloffFlags::all(),
];

fn read_back(socket: &OwnedFd) -> PeeloffFlags {
    let mut flags = PeeloffFlags::empty();
    flags.set(
        PeeloffFlags::NONBLOCK,
        fcntl_getfl(socket).unwrap().contains(OFlags::NONBLOCK),
    );
    flags.set(
        PeeloffFlags::CLOEXEC,
        fcntl_getfd(socket).unwrap().contains(FdFlags::CLOEXEC),
    );
    flags
}

#[test]
fn each_combination_is_read_back() {
    for family in FAMILIES {
        let server = server(family);
        // What the socket itself has is not inherited.
        rustix::io::ioctl_fionbio(&server, true).unwrap();
        for flags in COMBINATIONS {
            let (client, id) = associate(family, &server);
            let peeled = peeloff_flags(&server, id, flags).unwrap();
            assert_eq!(read_back(&peeled), flags);
            if flags.contains(PeeloffFlags::NONBLOCK) {
                assert_eq!(receive(&peeled), Err(Errno::AGAIN));
            }
            send(&peeled, &Message::new("works", 0, 0)).unwrap();
            assert_eq!(receive(&client).unwrap().data, b"works");
        }
        let (_client, id) = associate(family, &server);
        assert_eq!(
            read_back(&peeloff(&server, id).unwrap()),
            PeeloffFlags::empty()
        );
    }
}

#[test]
fn without_flags_their_option_is_not_asked() {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let plain = || {
        filter::forbid([filter::flags_option()]);
        peeloff_flags(&server, id, PeeloffFlags::empty()).unwrap()
    };
    let peeled = thread::scope(|scope| scope.spawn(plain).join().unwrap());
    assert_eq!(read_back(&peeled), PeeloffFlags::empty());
}

#[test]
fn the_bare_call_sets_them_too() {
    let server = server(Family::V4);
    let has = supports_flags(&server).unwrap();
    assert_eq!(has, kernel::has_flags_option());
    for flags in COMBINATIONS {
        let (_client, id) = associate(Family::V4, &server);
        let peeled = sockopt::peeloff_flags(rustix::fd::AsFd::as_fd(&server), id, flags);
        match peeled {
            Ok(peeled) if has => assert_eq!(read_back(&peeled), flags),
            other => assert!(!has && matches!(other, Err(Errno::NOPROTOOPT)), "{other:?}"),
        }
    }
}

#[test]
fn a_child_sees_what_is_not_cloexec() {
    let server = server(Family::V4);
    for flags in COMBINATIONS {
        let (_client, id) = associate(Family::V4, &server);
        let peeled = peeloff_flags(&server, id, flags).unwrap();
        let child = Command::new("test")
            .args(["-e", &format!("/proc/self/fd/{}", peeled.as_raw_fd())])
            .status()
            .unwrap();
        let seen = child.success();
        assert_eq!(seen, !flags.contains(PeeloffFlags::CLOEXEC), "{flags:?}");
    }
}

#[test]
fn unknown_bits_are_refused_with_no_system_call() {
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let socket = server.as_raw_fd();
    thread::scope(|scope| {
        let refused = scope.spawn(|| {
            use filter::Call;
            // Each call by which the crate could touch a socket ends the process.
            filter::forbid([
                Call::any(&[libc::SYS_getsockopt, libc::SYS_dup, libc::SYS_socket]),
                Call::any_fcntl(),
            ]);
            let unknown = PeeloffFlags::from_bits_retain(0x4000_0001);
            let error = peeloff_flags(&server, id, unknown | PeeloffFlags::CLOEXEC).unwrap_err();
            assert!(
                matches!(error, Error::UnknownFlags(flags) if flags == unknown),
                "{error:?}"
            );
            assert_eq!(error.errno(), Some(Errno::INVAL));
        });
        refused.join().unwrap();
    });
    assert_eq!(server.as_raw_fd(), socket);
    let peeled = peeloff(&server, id).unwrap();
    send(&client, &Message::new("untouched", 0, 0)).unwrap();
    assert_eq!(receive(&peeled).unwrap().data, b"untouched");
}

#[test]
fn every_unknown_bit_is_unknown() {
    let server = server(Family::V4);
    for bit in 0..32 {
        let flag = PeeloffFlags::from_bits_retain(1 << bit);
        if PeeloffFlags::all().contains(flag) {
            continue;
        }
        let error = peeloff_flags(&server, AssocId::from_raw(-1), flag).unwrap_err();
        assert!(
            matches!(error, Error::UnknownFlags(flags) if flags == flag),
            "{error:?}"
        );
    }
}
