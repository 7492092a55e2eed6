//! Errnos from a seccomp filter, for results that a test cannot provoke in a kernel.
//!
//! The filter sets the errno of the peel-off and the result of the query that follows it.

use std::net::SocketAddr;

use rustix::io::Errno;
use sctp_peeloff::sockopt::{
    SCTP_GET_ASSOC_ID_LIST, SCTP_GET_PEER_ADDR_INFO, SCTP_SOCKOPT_PEELOFF, SCTP_STATUS,
};
use sctp_peeloff::{Effect, Error, assoc_id_of_peer, assoc_ids, supports_flags};

use super::FUNCTIONS;
use crate::support::filter::{Call, denied, deny, flags_option};
use crate::support::{Family, assert_matches, associated, server};

/// Returns the errors of both functions if the peel-off fails with `errno` and `SCTP_STATUS`
/// returns `status`. `SCTP_STATUS` shows whether the association is on the socket.
fn errors(errno: Errno, status: Result<(), Errno>) -> [Error; 2] {
    let (server, _client, id) = associated(Family::V4);
    let options = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF), flags_option()];
    let errors = denied(options, errno.raw_os_error(), || {
        if let Err(errno) = status {
            deny([Call::getsockopt(SCTP_STATUS)], errno.raw_os_error());
        }
        FUNCTIONS.map(|function| function(&server, id).unwrap_err())
    });
    assert_eq!(assoc_ids(&server).unwrap(), [id]);
    errors
}

/// The errnos that the kernel returns both before and after it has moved the association.
const AMBIGUOUS: [Errno; 5] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::FAULT,
];

#[test]
fn peeloff_has_no_effect_if_the_socket_still_has_the_association() {
    for errno in AMBIGUOUS.into_iter().chain([Errno::PERM, Errno::IO]) {
        for error in errors(errno, Ok(())) {
            if matches!(errno, Errno::MFILE | Errno::NFILE) {
                assert_matches!(error, Error::NoDescriptor(of) if of == errno);
            } else {
                assert_matches!(error, Error::Os(of) if of == errno);
            }
        }
    }
}

#[test]
fn peeloff_fails_with_association_lost_if_the_socket_no_longer_has_it() {
    for errno in AMBIGUOUS {
        for error in errors(errno, Err(Errno::INVAL)) {
            assert_eq!(error.effect(), Effect::Terminated);
            assert_matches!(error, Error::AssociationLost(of) if of == errno);
        }
    }
}

#[test]
fn peeloff_fails_with_state_unknown_if_the_socket_cannot_be_queried() {
    for errno in AMBIGUOUS.into_iter().chain([Errno::PERM, Errno::IO]) {
        for error in errors(errno, Err(Errno::PERM)) {
            assert_eq!(error.effect(), Effect::Unknown);
            assert_matches!(error, Error::StateUnknown(of) if of == errno);
        }
    }
}

/// No kernel is known to return these errnos after it has moved the association.
#[test]
fn peeloff_fails_with_state_unknown_for_another_errno_without_the_association() {
    for errno in [Errno::PERM, Errno::IO] {
        for error in errors(errno, Err(Errno::INVAL)) {
            assert_matches!(error, Error::StateUnknown(of) if of == errno);
        }
    }
}

/// `EINVAL` has several causes, none of which affects the association.
#[test]
fn peeloff_fails_with_os_if_the_cause_of_einval_cannot_be_queried() {
    for error in errors(Errno::INVAL, Err(Errno::PERM)) {
        assert_matches!(error, Error::Os(Errno::INVAL));
    }
}

/// getsockopt fails with `ENOSYS` on a kernel without networking.
#[test]
fn peeloff_fails_with_unsupported_for_enosys() {
    for error in errors(Errno::NOSYS, Ok(())) {
        assert_matches!(error, Error::Unsupported);
    }
}

/// Only kernels around 4.10 to 4.14 return `EBUSY`.
#[test]
fn peeloff_fails_with_sender_blocked_for_ebusy() {
    for error in errors(Errno::BUSY, Ok(())) {
        assert_matches!(error, Error::SenderBlocked);
    }
}

/// The filter simulates a sandbox, or an emulator that does not forward SCTP options.
#[test]
fn functions_fail_with_options_unavailable_if_no_option_reaches_sctp() {
    for errno in [Errno::OPNOTSUPP, Errno::NOPROTOOPT] {
        for error in errors(errno, Err(errno)) {
            assert_matches!(error, Error::OptionsUnavailable(of) if of == errno);
        }
    }
    let server = server(Family::V4);
    let options = [Call::getsockopt(SCTP_GET_ASSOC_ID_LIST), flags_option()];
    for result in denied(options, libc::EOPNOTSUPP, || {
        let list = assoc_ids(&server).map(drop);
        [list, supports_flags(&server).map(drop)]
    }) {
        assert_matches!(result, Err(Error::OptionsUnavailable(Errno::OPNOTSUPP)));
    }
}

#[test]
fn functions_fail_with_os_for_an_errno_without_a_diagnosis() {
    let server = server(Family::V4);
    let refused = [SCTP_GET_ASSOC_ID_LIST, SCTP_GET_PEER_ADDR_INFO].map(Call::getsockopt);
    for errno in [Errno::PERM, Errno::IO] {
        let results = denied(refused.clone(), errno.raw_os_error(), || {
            let peer = SocketAddr::from(([127, 0, 0, 1], 9));
            let id = assoc_id_of_peer(&server, peer).map(drop);
            [assoc_ids(&server).map(drop), id]
        });
        for result in results {
            assert_matches!(result, Err(Error::Os(of)) if of == errno);
        }
    }
}

/// The kernel returns `EINVAL` for a list that is too short. The function does not try
/// for ever.
#[test]
fn assoc_ids_fails_with_os_if_no_list_is_long_enough() {
    let server = server(Family::V4);
    let list = [Call::getsockopt(SCTP_GET_ASSOC_ID_LIST)];
    let result = denied(list, libc::EINVAL, || assoc_ids(&server));
    assert_matches!(result, Err(Error::Os(Errno::INVAL)));
}
