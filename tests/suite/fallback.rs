//! The fallback for kernels before 4.13: what it caches, and a flag that cannot be set.

use std::error::Error as _;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;

use rustix::io::Errno;
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS};
use sctp_peeloff::{
    AssocId, Effect, Error, PeeloffFlags, assoc_ids, peeloff_flags, supports_flags,
};

use crate::support::descriptors::flags_of;
use crate::support::filter::{Call, denied, deny, flags_option};
use crate::support::message::works;
use crate::support::{Family, assert_matches, associated, kernel, process, server};

const ALL: PeeloffFlags = PeeloffFlags::all();

fn on_old_kernel<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    denied([flags_option()], libc::ENOPROTOOPT, body)
}

/// Whether `peeloff_flags` uses the flags option. If it does, it fails with an errno that only
/// the filter returns.
fn tries_flags_option() -> bool {
    let (server, _client, id) = associated(Family::V4);
    let peel = || peeloff_flags(&server, id, ALL);
    match denied([flags_option()], libc::EXDEV, peel) {
        Ok(peeled) => {
            assert_eq!(flags_of(&peeled), ALL);
            false
        }
        Err(Error::Os(Errno::XDEV)) => true,
        Err(error) => panic!("{error:?}"),
    }
}

fn expect_peeloff() {
    let (server, client, id) = associated(Family::V4);
    let peeled = peeloff_flags(&server, id, ALL).unwrap();
    assert_eq!(flags_of(&peeled), ALL);
    works(&peeled, &client, id);
}

fn fails_with_not_sctp(socket: impl AsFd) {
    assert_matches!(
        peeloff_flags(socket, AssocId::from_raw(3), ALL),
        Err(Error::NotSctp)
    );
}

#[test]
fn peeloff_flags_caches_nothing_on_a_new_kernel() {
    process::alone(|| {
        expect_peeloff();
        assert_eq!(tries_flags_option(), kernel::has_flags_option());
    });
}

#[test]
fn peeloff_flags_caches_nothing_for_other_protocols() {
    process::alone(|| {
        fails_with_not_sctp(TcpListener::bind("127.0.0.1:0").unwrap());
        fails_with_not_sctp(TcpListener::bind("[::1]:0").unwrap());
        fails_with_not_sctp(UdpSocket::bind("[::1]:0").unwrap());
        assert!(tries_flags_option());
        on_old_kernel(|| fails_with_not_sctp(TcpListener::bind("[::1]:0").unwrap()));
        assert!(tries_flags_option());
        on_old_kernel(expect_peeloff);
        assert!(!tries_flags_option());
    });
}

/// The kernel does not change while the process runs. No thread therefore tries the option
/// again, even if its own calls are not filtered.
#[test]
fn peeloff_flags_caches_that_the_kernel_is_old() {
    process::alone(|| {
        on_old_kernel(|| {
            expect_peeloff();
            expect_peeloff();
        });
        assert!(!tries_flags_option());
        expect_peeloff();
        fails_with_not_sctp(TcpListener::bind("[::1]:0").unwrap());
    });
}

#[test]
fn peeloff_flags_caches_that_the_kernel_is_old_for_unknown_id() {
    process::alone(|| {
        let server = server(Family::V4);
        let id = AssocId::from_raw(77);
        let error = on_old_kernel(|| peeloff_flags(&server, id, ALL)).unwrap_err();
        assert_matches!(error, Error::NoSuchAssociation(named) if named == id);
        assert!(!tries_flags_option());
    });
}

#[test]
fn peeloff_flags_caches_nothing_if_both_options_are_denied() {
    process::alone(|| {
        let (server, client, id) = associated(Family::V4);
        for errno in [Errno::NOPROTOOPT, Errno::OPNOTSUPP] {
            let both = [SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS].map(Call::getsockopt);
            let peel = || peeloff_flags(&server, id, ALL);
            let result = denied(both, errno.raw_os_error(), peel);
            assert_matches!(result, Err(Error::OptionsUnavailable(of)) if of == errno);
        }
        assert!(tries_flags_option());
        works(&peeloff_flags(&server, id, ALL).unwrap(), &client, id);
    });
}

/// A socket of another protocol does not have the flags option on any kernel, so that
/// `ENOPROTOOPT` from such a socket does not mean that the kernel is old.
#[test]
fn peeloff_flags_caches_nothing_if_the_plain_option_is_denied() {
    process::alone(|| {
        let other = TcpListener::bind("[::1]:0").unwrap();
        let plain = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF)];
        let error = denied(plain, libc::EPERM, || {
            peeloff_flags(&other, AssocId::from_raw(3), ALL).unwrap_err()
        });
        assert_eq!(error.errno(), Some(Errno::PERM), "{error:?}");
        assert!(tries_flags_option());
    });
}

#[test]
fn supports_flags_queries_the_kernel_and_caches_nothing() {
    process::alone(|| {
        let server = server(Family::V4);
        assert!(!on_old_kernel(|| supports_flags(&server).unwrap()));
        let supported = supports_flags(&server).unwrap();
        assert_eq!(supported, kernel::has_flags_option());
        assert!(tries_flags_option());
    });
}

/// Checks that the error owns the descriptor, also after the conversion to `io::Error`.
fn fails_with_flags_not_set(command: i32, flags: PeeloffFlags, set: PeeloffFlags) {
    let (server, client, id) = associated(Family::V4);
    let error = on_old_kernel(|| {
        deny([Call::fcntl(command)], libc::EPERM);
        peeloff_flags(&server, id, flags).unwrap_err()
    });
    assert_eq!(error.effect(), Effect::PeeledOff);
    assert!(error.source().is_none());
    assert_eq!(assoc_ids(&server).unwrap(), []);

    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    let Ok(Error::FlagsNotSet { socket, errno }) = error.downcast::<Error>() else {
        panic!("the error does not own the descriptor");
    };
    assert_eq!(errno, Errno::PERM);
    assert_eq!(assoc_ids(&socket).unwrap(), [id]);
    assert_eq!(flags_of(&socket), set);
    works(&socket, &client, id);
}

#[test]
fn peeloff_flags_fails_with_flags_not_set_if_fcntl_is_denied() {
    process::alone(|| {
        let (nonblock, cloexec) = (PeeloffFlags::NONBLOCK, PeeloffFlags::CLOEXEC);
        let none = PeeloffFlags::empty();
        fails_with_flags_not_set(libc::F_SETFD, cloexec, none);
        fails_with_flags_not_set(libc::F_SETFD, ALL, none);
        fails_with_flags_not_set(libc::F_SETFL, nonblock, none);
        fails_with_flags_not_set(libc::F_SETFL, ALL, cloexec);
    });
}
