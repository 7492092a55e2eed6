//! What becomes of an errno, and of the answer to the question behind it, where no
//! kernel can be brought to say so when it is wanted: a filter says it.

use std::net::TcpListener;
use std::thread;

use rustix::io::Errno;
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_STATUS};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_ids, kernel_support, peeloff, peeloff_flags,
};

use super::WAYS;
use crate::support::filter::{Call, deny, flags_option};
use crate::support::{Family, associate, server};

/// What both ways to peel off make of this errno, if the question for the id says
/// what the kernel says, or this.
fn errors(errno: Errno, question: Option<Errno>) -> [Error; 2] {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let errors = thread::scope(|scope| {
        let denied = scope.spawn(|| {
            let options = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF), flags_option()];
            deny(options, errno.raw_os_error());
            if let Some(question) = question {
                deny([Call::getsockopt(SCTP_STATUS)], question.raw_os_error());
            }
            WAYS.map(|way| way(&server, id).unwrap_err())
        });
        denied.join().unwrap()
    });
    assert_eq!(assoc_ids(&server).unwrap(), [id]);
    errors
}

/// Those that a kernel may say before the association has moved, or after it.
const EITHER: [Errno; 5] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::FAULT,
];

#[test]
fn with_the_id_still_there_it_is_untouched() {
    for errno in EITHER {
        for error in errors(errno, None) {
            let no_descriptor = matches!(errno, Errno::MFILE | Errno::NFILE);
            let untouched = match error {
                Error::NoDescriptor(said) => no_descriptor && said == errno,
                Error::Os(said) => !no_descriptor && said == errno,
                _ => false,
            };
            assert!(untouched, "{errno:?}: {error:?}");
        }
    }
}

/// `EINVAL` says that the id is gone; any other errno leaves it open.
#[test]
fn with_the_id_gone_or_not_to_be_asked_for_it_is_lost() {
    for errno in EITHER {
        for question in [Errno::INVAL, Errno::PERM] {
            for error in errors(errno, Some(question)) {
                assert!(
                    matches!(error, Error::AssociationLost(said) if said == errno),
                    "{errno:?}, {question:?}: {error:?}"
                );
            }
        }
    }
}

/// Which of its causes `EINVAL` has is not guessed.
#[test]
fn an_invalid_call_that_cannot_be_asked_about() {
    for error in errors(Errno::INVAL, Some(Errno::PERM)) {
        assert!(matches!(error, Error::Os(Errno::INVAL)), "{error:?}");
    }
}

/// A kernel built without networking.
#[test]
fn without_the_system_call() {
    for error in errors(Errno::NOSYS, None) {
        assert!(matches!(error, Error::Unsupported), "{error:?}");
    }
}

/// Only old kernels say so themselves.
#[test]
fn a_blocked_sender() {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let busy = || {
        let options = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF), flags_option()];
        deny(options, libc::EBUSY);
        [
            peeloff(&server, id),
            peeloff_flags(&server, id, PeeloffFlags::CLOEXEC),
        ]
    };
    for answer in thread::scope(|scope| scope.spawn(busy).join().unwrap()) {
        assert!(matches!(answer, Err(Error::SenderBlocked)), "{answer:?}");
    }
    assert_eq!(assoc_ids(&server).unwrap(), [id]);
    peeloff(&server, id).unwrap();
}

/// There, any socket is one of another protocol.
#[test]
fn a_kernel_without_sctp() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    for errno in [libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT, libc::ENOSYS] {
        let without = || {
            deny([Call::socket(132)], errno);
            [
                peeloff(&socket, AssocId::from_raw(3)).unwrap_err(),
                assoc_ids(&socket).unwrap_err(),
                kernel_support(&socket).unwrap_err(),
            ]
        };
        for error in thread::scope(|scope| scope.spawn(without).join().unwrap()) {
            assert!(matches!(error, Error::Unsupported), "{error:?}");
        }
    }
    assert!(matches!(kernel_support(&socket), Err(Error::NotSctp)));
}
