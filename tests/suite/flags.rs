//! The flags of the new descriptor.

use std::os::fd::AsRawFd;

use libc::{SYS_dup, SYS_dup3, SYS_getsockopt, SYS_socket};
use rustix::io::Errno;
use sctp_peeloff::sockopt::{SCTP_GET_ASSOC_ID_LIST, SCTP_STATUS};
use sctp_peeloff::{AssocId, Error, PeeloffFlags, peeloff, peeloff_flags, sockopt, supports_flags};

use crate::support::descriptors::flags_of;
use crate::support::filter::{Call, flags_option, forbidden};
use crate::support::message::{receive, works};
use crate::support::{
    FAMILIES, Family, assert_matches, associate, associated, kernel, process, server,
};

pub(crate) const COMBINATIONS: [PeeloffFlags; 4] = [
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
    let (server, _client, id) = associated(Family::V4);
    let peeled = forbidden([flags_option()], || {
        peeloff_flags(&server, id, PeeloffFlags::empty()).unwrap()
    });
    assert_eq!(flags_of(&peeled), PeeloffFlags::empty());
}

#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn peeloff_and_peeloff_flags_make_no_query_if_they_succeed() {
    let server = server(Family::V4);
    let queries = [SCTP_GET_ASSOC_ID_LIST, SCTP_STATUS].map(Call::getsockopt);
    forbidden(queries, || {
        for flags in COMBINATIONS {
            let (_client, id) = associate(Family::V4, &server);
            peeloff_flags(&server, id, flags).unwrap();
        }
    });
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
    let (server, client, id) = associated(Family::V4);
    let calls = &[SYS_getsockopt, SYS_dup, SYS_dup3, SYS_socket];
    forbidden([Call::any(calls), Call::any_fcntl()], || {
        for bit in 0..32 {
            let flag = PeeloffFlags::from_bits_retain(1 << bit);
            if !PeeloffFlags::all().contains(flag) {
                let with_cloexec = flag | PeeloffFlags::CLOEXEC;
                for (id, flags) in [(id, with_cloexec), (AssocId::from_raw(-1), flag)] {
                    let error = peeloff_flags(&server, id, flags).unwrap_err();
                    assert_matches!(error, Error::UnknownFlags(unknown) if unknown == flag);
                }
            }
        }
    });
    works(&peeloff(&server, id).unwrap(), &client, id);
}
