//! Kernels before 4.13: what is remembered, and what becomes of the association
//! when a flag cannot be set.

use std::error::Error as _;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, FdFlags, fcntl_getfd};
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS};
use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff_flags, supports_flags};

use crate::support::filter::{Call, deny};
use crate::support::message::{Message, receive, send};
use crate::support::{Family, associate, kernel, process, server, wait_for};

/// On a thread of its own, with these calls denied.
fn denied<T: Send>(
    calls: impl IntoIterator<Item = Call> + Send,
    errno: i32,
    body: impl FnOnce() -> T + Send,
) -> T {
    let run = || {
        deny(calls, errno);
        body()
    };
    thread::scope(|scope| scope.spawn(run).join().unwrap())
}

fn on_old_kernel<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    denied(
        [Call::getsockopt(SCTP_SOCKOPT_PEELOFF_FLAGS)],
        libc::ENOPROTOOPT,
        body,
    )
}

/// An errno of its own comes out if, and only if, the flags option is asked.
fn asks_the_flags_option() -> bool {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let flags_option = Call::getsockopt(SCTP_SOCKOPT_PEELOFF_FLAGS);
    match denied([flags_option], libc::EXDEV, || {
        peeloff_flags(&server, id, PeeloffFlags::all())
    }) {
        Ok(peeled) => {
            has_all_flags(&peeled);
            false
        }
        Err(Error::Os(Errno::XDEV)) => true,
        Err(error) => panic!("{error:?}"),
    }
}

fn has_all_flags(peeled: &OwnedFd) {
    assert!(fcntl_getfl(peeled).unwrap().contains(OFlags::NONBLOCK));
    assert!(fcntl_getfd(peeled).unwrap().contains(FdFlags::CLOEXEC));
}

fn peels_off() {
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap();
    has_all_flags(&peeled);
    works(&peeled, &client);
}

fn works(peeled: &OwnedFd, client: &OwnedFd) {
    send(client, &Message::new("works", 0, 0)).unwrap();
    let got = wait_for("the message", || receive(peeled).ok());
    assert_eq!(got.data, b"works");
}

fn refused_as_not_sctp(socket: impl AsFd) {
    let error = peeloff_flags(socket, AssocId::from_raw(3), PeeloffFlags::CLOEXEC).unwrap_err();
    assert!(matches!(error, Error::NotSctp), "{error:?}");
}

#[test]
fn sctp_first() {
    process::alone(|| {
        peels_off();
        assert_eq!(asks_the_flags_option(), kernel::has_flags_option());
    });
}

#[test]
fn other_protocols_first() {
    process::alone(|| {
        refused_as_not_sctp(TcpListener::bind("127.0.0.1:0").unwrap());
        refused_as_not_sctp(TcpListener::bind("[::1]:0").unwrap());
        refused_as_not_sctp(UdpSocket::bind("[::1]:0").unwrap());
        assert!(asks_the_flags_option());
        peels_off();
        assert_eq!(asks_the_flags_option(), kernel::has_flags_option());
    });
}

#[test]
fn old_kernel_first() {
    process::alone(|| {
        on_old_kernel(|| {
            peels_off();
            peels_off();
        });
        // A kernel does not change; so no thread asks again, though this one could.
        assert!(!asks_the_flags_option());
        peels_off();
        refused_as_not_sctp(TcpListener::bind("[::1]:0").unwrap());
    });
}

#[test]
fn old_kernel_after_other_protocols() {
    process::alone(|| {
        on_old_kernel(|| refused_as_not_sctp(TcpListener::bind("[::1]:0").unwrap()));
        assert!(asks_the_flags_option());
        on_old_kernel(peels_off);
        assert!(!asks_the_flags_option());
    });
}

#[test]
fn an_old_kernels_refusal_is_proof_enough() {
    process::alone(|| {
        let server = server(Family::V4);
        let id = AssocId::from_raw(77);
        let error =
            on_old_kernel(|| peeloff_flags(&server, id, PeeloffFlags::CLOEXEC)).unwrap_err();
        assert!(
            matches!(error, Error::NoSuchAssociation(named) if named == id),
            "{error:?}"
        );
        assert!(!asks_the_flags_option());
    });
}

#[test]
fn with_neither_option_nothing_is_remembered() {
    process::alone(|| {
        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        for errno in [libc::ENOPROTOOPT, libc::EOPNOTSUPP] {
            let both = [SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS].map(Call::getsockopt);
            denied(both, errno, || {
                let error = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap_err();
                assert!(matches!(error, Error::NotSctp), "{error:?}");
                assert!(matches!(supports_flags(&server), Err(Error::NotSctp)));
            });
        }
        assert!(asks_the_flags_option());
        let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap();
        works(&peeled, &client);
    });
}

/// A refusal of the plain option says nothing of the flags option, which a socket of
/// another protocol lacks on any kernel.
#[test]
fn a_filters_refusal_is_no_proof() {
    process::alone(|| {
        let other = TcpListener::bind("[::1]:0").unwrap();
        let plain = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF)];
        let error = denied(plain, libc::EPERM, || {
            peeloff_flags(&other, AssocId::from_raw(3), PeeloffFlags::CLOEXEC).unwrap_err()
        });
        assert!(matches!(error, Error::Os(Errno::PERM)), "{error:?}");
        assert!(asks_the_flags_option());
    });
}

#[test]
fn support_is_told_and_not_remembered() {
    process::alone(|| {
        let server = server(Family::V4);
        assert!(!on_old_kernel(|| supports_flags(&server).unwrap()));
        let has = supports_flags(&server).unwrap();
        assert_eq!(has, kernel::has_flags_option());
        assert!(asks_the_flags_option());
    });
}

/// The descriptor comes in the error, alive; and through `io::Error` too.
fn flag_not_set(command: i32, flags: PeeloffFlags, set: PeeloffFlags) {
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let old = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF_FLAGS)];
    let error = denied(old, libc::ENOPROTOOPT, || {
        deny([Call::fcntl(command)], libc::EPERM);
        peeloff_flags(&server, id, flags).unwrap_err()
    });
    assert_eq!(error.errno(), Some(Errno::PERM));
    assert!(error.source().is_none());
    assert_eq!(assoc_ids(&server).unwrap(), []);

    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    let Ok(Error::FlagsNotSet { socket, errno }) = error.downcast::<Error>() else {
        panic!("the descriptor is lost");
    };
    assert_eq!(errno, Errno::PERM);
    assert_eq!(assoc_ids(&socket).unwrap(), [id]);
    let nonblock = fcntl_getfl(&socket).unwrap().contains(OFlags::NONBLOCK);
    let cloexec = fcntl_getfd(&socket).unwrap().contains(FdFlags::CLOEXEC);
    assert_eq!(nonblock, set.contains(PeeloffFlags::NONBLOCK));
    assert_eq!(cloexec, set.contains(PeeloffFlags::CLOEXEC));
    works(&socket, &client);
}

#[test]
fn a_flag_that_cannot_be_set_costs_no_association() {
    process::alone(|| {
        let (nonblock, cloexec) = (PeeloffFlags::NONBLOCK, PeeloffFlags::CLOEXEC);
        let none = PeeloffFlags::empty();
        flag_not_set(libc::F_SETFD, cloexec, none);
        flag_not_set(libc::F_SETFD, nonblock | cloexec, none);
        flag_not_set(libc::F_SETFL, nonblock, none);
        flag_not_set(libc::F_SETFL, nonblock | cloexec, cloexec);
    });
}
