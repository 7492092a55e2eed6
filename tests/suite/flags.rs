//! The flags of the new descriptor.

use std::os::fd::AsRawFd;
use std::thread;

use rustix::io::Errno;
use sctp_peeloff::{AssocId, Error, PeeloffFlags, peeloff, peeloff_flags, sockopt, supports_flags};

use crate::support::descriptors::flags_of;
use crate::support::filter::{Call, flags_option, forbid};
use crate::support::message::{receive, works};
use crate::support::{FAMILIES, Family, assert_matches, associate, kernel, process, server};

const COMBINATIONS: [PeeloffFlags; 4] = [
    PeeloffFlags::empty(),
    PeeloffFlags::NONBLOCK,
    PeeloffFlags::CLOEXEC,
    PeeloffFlags::all(),
];

#[test]
fn peeloff_flags_sets_each_combination() {
    for family in FAMILIES {
        let server = server(family);
        // The new descriptor does not inherit the flags of the socket.
        rustix::io::ioctl_fionbio(&server, true).unwrap();
        for flags in COMBINATIONS {
            let (client, id) = associate(family, &server);
            let peeled = peeloff_flags(&server, id, flags).unwrap();
            assert_eq!(flags_of(&peeled), flags);
            if flags.contains(PeeloffFlags::NONBLOCK) {
                assert_eq!(receive(&peeled), Err(Errno::AGAIN));
            }
            works(&peeled, &client, id);
        }
        let (_client, id) = associate(family, &server);
        let peeled = peeloff(&server, id).unwrap();
        assert_eq!(flags_of(&peeled), PeeloffFlags::empty());
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn peeloff_flags_with_empty_flags_does_not_use_the_flags_option() {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let plain = || {
        forbid([flags_option()]);
        peeloff_flags(&server, id, PeeloffFlags::empty()).unwrap()
    };
    let peeled = thread::scope(|scope| scope.spawn(plain).join().unwrap());
    assert_eq!(flags_of(&peeled), PeeloffFlags::empty());
}

#[test]
fn sockopt_peeloff_flags_sets_each_combination_if_the_kernel_has_the_option() {
    let server = server(Family::V4);
    let has = kernel::has_flags_option();
    assert_eq!(supports_flags(&server).unwrap(), has);
    for flags in COMBINATIONS {
        let (_client, id) = associate(Family::V4, &server);
        match sockopt::peeloff_flags(&server, id, flags) {
            Ok(peeled) if has => assert_eq!(flags_of(&peeled), flags),
            result => assert_matches!(result, Err(Errno::NOPROTOOPT) if !has),
        }
    }
}

#[test]
fn peeloff_flags_with_cloexec_closes_the_descriptor_on_exec() {
    const LOOK_FOR: &str = "SCTP_PEELOFF_LOOK_FOR";
    if let Ok(fd) = std::env::var(LOOK_FOR) {
        std::process::exit(i32::from(std::path::Path::new(&fd).exists()));
    }
    let server = server(Family::V4);
    for flags in COMBINATIONS {
        let (_client, id) = associate(Family::V4, &server);
        let peeled = peeloff_flags(&server, id, flags).unwrap();
        let fd = format!("/proc/self/fd/{}", peeled.as_raw_fd());
        let child = process::this_test().env(LOOK_FOR, fd).output().unwrap();
        let seen = child.status.code() == Some(1);
        assert_eq!(seen, !flags.contains(PeeloffFlags::CLOEXEC), "{flags:?}");
    }
}

/// The filter ends the process at each system call that the crate makes on sockets and file
/// descriptors.
#[test]
fn peeloff_flags_fails_with_unknown_flags_before_any_system_call() {
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let refused = || {
        let calls = &[
            libc::SYS_getsockopt,
            libc::SYS_dup,
            libc::SYS_dup3,
            libc::SYS_socket,
        ];
        forbid([Call::any(calls), Call::any_fcntl()]);
        for bit in 0..32 {
            let flag = PeeloffFlags::from_bits_retain(1 << bit);
            if !PeeloffFlags::all().contains(flag) {
                let error = peeloff_flags(&server, id, flag | PeeloffFlags::CLOEXEC).unwrap_err();
                assert_matches!(error, Error::UnknownFlags(flags) if flags == flag);
                let error = peeloff_flags(&server, AssocId::from_raw(-1), flag).unwrap_err();
                assert_matches!(error, Error::UnknownFlags(flags) if flags == flag);
            }
        }
    };
    thread::scope(|scope| scope.spawn(refused).join().unwrap());
    works(&peeloff(&server, id).unwrap(), &client, id);
}
