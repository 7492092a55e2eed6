//! The file descriptor, the association id or the peer address does not identify an
//! association that can be peeled off.

use std::mem::discriminant;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use rustix::io::Errno;
use sctp_peeloff::{
    AssocId, Effect, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags,
    set_recvrcvinfo, subscribe_assoc_change, supports_flags,
};

use super::FUNCTIONS;
use crate::support::message::{passes, works};
use crate::support::system::in_other_network;
use crate::support::{
    FAMILIES, Family, address, assert_matches, associated, client, descriptors, others, process,
    server,
};

/// Checks that all functions that peel off fail with the same error and leave no descriptor
/// open.
fn peeloff_fails(socket: impl AsFd, id: AssocId, variant: &Error, errno: Errno) {
    let socket = socket.as_fd();
    let before = descriptors::open();
    for error in [
        peeloff(socket, id).unwrap_err(),
        peeloff_flags(socket, id, PeeloffFlags::all()).unwrap_err(),
        peeloff_flags(socket, id, PeeloffFlags::CLOEXEC).unwrap_err(),
    ] {
        assert_eq!(discriminant(&error), discriminant(variant), "{error:?}");
        assert_eq!((error.errno(), error.effect()), (Some(errno), Effect::None));
    }
    assert_eq!(descriptors::open(), before);
}

/// Checks that all functions fail with the same error.
fn all_fail(socket: impl AsFd, variant: &Error, errno: Errno) {
    let socket = socket.as_fd();
    peeloff_fails(socket, AssocId::from_raw(3), variant, errno);
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    for error in [
        assoc_ids(socket).map(drop),
        assoc_id_of_peer(socket, peer).map(drop),
        supports_flags(socket).map(drop),
        subscribe_assoc_change(socket),
        set_recvrcvinfo(socket),
    ]
    .map(Result::unwrap_err)
    {
        assert_eq!(discriminant(&error), discriminant(variant), "{error:?}");
    }
}

#[test]
fn peeloff_fails_with_no_such_association_for_unknown_id() {
    process::alone(|| {
        for (server, client, id) in FAMILIES.into_iter().map(associated) {
            let none = &Error::NoSuchAssociation(id);
            // Kernels before 5.0 also use 1 and 2 as ids.
            let others = [i32::MIN, -1, 0, 1, 2, i32::MAX];
            let next = [1, 1000].map(|step| id.as_raw() + step);
            for other in others.into_iter().chain(next).map(AssocId::from_raw) {
                if other != id {
                    peeloff_fails(&server, other, none, Errno::INVAL);
                    let error = peeloff(&server, other).unwrap_err();
                    assert_matches!(error, Error::NoSuchAssociation(named) if named == other);
                    assert!(error.to_string().ends_with(&other.to_string()), "{error}");
                }
            }
            let peeled = peeloff(&server, id).unwrap();
            peeloff_fails(&server, id, none, Errno::INVAL);
            works(&peeled, &client, id);
        }
    });
}

#[test]
fn peeloff_fails_with_not_one_to_many_for_one_to_one_socket() {
    process::alone(|| {
        for family in FAMILIES {
            let server = server(family);
            let client = client(family, &server);
            for id in [0, 1, 3].map(AssocId::from_raw) {
                peeloff_fails(&client, id, &Error::NotOneToMany, Errno::INVAL);
            }
            assert_matches!(assoc_ids(&client), Err(Error::NotOneToMany));
            supports_flags(&client).unwrap();
            passes(&client, &server, "alive");
        }
    });
}

#[test]
fn peeloff_fails_with_not_peelable_for_peeled_off_socket() {
    process::alone(|| {
        for (server, client, id) in FAMILIES.into_iter().map(associated) {
            let peeled = peeloff(&server, id).unwrap();
            peeloff_fails(&peeled, id, &Error::NotPeelable, Errno::INVAL);
            works(&peeled, &client, id);
        }
    });
}

#[test]
fn peeloff_fails_with_not_peelable_in_another_network_namespace() {
    process::in_guest(|| {
        for function in FUNCTIONS {
            let (server, client, id) = associated(Family::V4);
            let before = descriptors::open();
            let error = in_other_network(|| function(&server, id).unwrap_err());
            assert_matches!(error, Error::NotPeelable);
            assert_eq!(descriptors::open(), before);
            works(&server, &client, id);
            function(&server, id).unwrap();
        }
    });
}

#[test]
fn functions_fail_with_not_sctp_for_socket_of_another_protocol() {
    process::alone(|| {
        for (_name, socket) in others::not_sctp() {
            all_fail(&socket, &Error::NotSctp, Errno::OPNOTSUPP);
        }
    });
}

/// On CAN and LLC sockets every SCTP option fails with `EINVAL`, as some options do on an SCTP
/// socket.
#[test]
fn functions_fail_with_not_sctp_for_can_and_llc() {
    process::in_guest(|| {
        for socket in others::with_einval() {
            all_fail(&socket, &Error::NotSctp, Errno::OPNOTSUPP);
        }
    });
}

#[test]
fn functions_fail_with_not_socket_for_file() {
    process::alone(|| {
        all_fail(others::file(), &Error::NotSocket, Errno::NOTSOCK);
    });
}

#[test]
fn functions_fail_with_bad_descriptor_for_path_and_closed_descriptor() {
    process::alone(|| {
        all_fail(others::path(), &Error::BadDescriptor, Errno::BADF);
        all_fail(others::closed(), &Error::BadDescriptor, Errno::BADF);
    });
}

#[test]
fn assoc_id_of_peer_fails_with_no_such_peer_for_unknown_port() {
    for (server, client, _) in FAMILIES.into_iter().map(associated) {
        let mut peer = address(&client);
        peer.set_port(peer.port() ^ 1);
        let error = assoc_id_of_peer(&server, peer).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        assert_matches!(error, Error::NoSuchPeer(named) if named == peer);
    }
}
