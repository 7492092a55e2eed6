//! Ids and descriptors that nothing can be peeled off from.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags,
    supports_flags,
};

use super::{WAYS, alive};
use crate::support::message::{Message, receive, send};
use crate::support::{
    FAMILIES, Family, address, associate, client, descriptors, others, process, server,
};

/// Both ways to peel off say the same, keep the errno through [`io::Error`], and
/// leave no descriptor behind.
fn refused(socket: BorrowedFd<'_>, id: AssocId, variant: fn(&Error) -> bool, errno: Errno) {
    let before = descriptors::open();
    for error in [
        peeloff(socket, id).unwrap_err(),
        peeloff_flags(socket, id, PeeloffFlags::all()).unwrap_err(),
        peeloff_flags(socket, id, PeeloffFlags::CLOEXEC).unwrap_err(),
    ] {
        assert!(variant(&error), "{error:?}");
        assert_eq!(error.errno(), Some(errno));
        let error = io::Error::from(error);
        assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
    }
    assert_eq!(descriptors::open(), before);
}

#[test]
fn ids_that_are_none() {
    process::alone(|| {
        for family in FAMILIES {
            let server = server(family);
            let (client, id) = associate(family, &server);
            let none = |error: &Error| matches!(error, Error::NoSuchAssociation(_));
            // Kernels before 5.0 give 1 and 2 out as ids.
            let special = [-1, 0, 1, 2].map(AssocId::from_raw);
            let strange =
                [i32::MIN, i32::MAX, id.as_raw() + 1, id.as_raw() + 1000].map(AssocId::from_raw);
            for none_such in special
                .into_iter()
                .chain(strange)
                .filter(|other| *other != id)
            {
                refused(server.as_fd(), none_such, none, Errno::INVAL);
            }
            let peeled = peeloff(&server, id).unwrap();
            refused(server.as_fd(), id, none, Errno::INVAL);
            send(&client, &Message::new("alive", 0, 0)).unwrap();
            assert_eq!(receive(&peeled).unwrap().data, b"alive");
        }
    });
}

#[test]
fn the_error_names_the_id() {
    process::alone(|| {
        let server = server(Family::V4);
        let id = AssocId::from_raw(12345);
        let error = peeloff(&server, id).unwrap_err();
        assert!(matches!(error, Error::NoSuchAssociation(named) if named == id));
        assert!(error.to_string().contains("12345"), "{error}");
    });
}

#[test]
fn a_one_to_one_socket() {
    process::alone(|| {
        for family in FAMILIES {
            let server = server(family);
            let client = client(family, &server);
            let variant = |error: &Error| matches!(error, Error::NotOneToMany);
            for id in [0, 1, 3].map(AssocId::from_raw) {
                refused(client.as_fd(), id, variant, Errno::INVAL);
            }
            assert!(matches!(assoc_ids(&client), Err(Error::NotOneToMany)));
            supports_flags(&client).unwrap();
            send(&client, &Message::new("alive", 0, 0)).unwrap();
            assert_eq!(receive(&server).unwrap().data, b"alive");
        }
    });
}

#[test]
fn a_peeled_off_socket() {
    process::alone(|| {
        for family in FAMILIES {
            let server = server(family);
            let (client, id) = associate(family, &server);
            let peeled = peeloff(&server, id).unwrap();
            let variant = |error: &Error| matches!(error, Error::NotPeelable);
            refused(peeled.as_fd(), id, variant, Errno::INVAL);
            assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
            send(&client, &Message::new("alive", 0, 0)).unwrap();
            assert_eq!(receive(&peeled).unwrap().data, b"alive");
        }
    });
}

#[test]
fn sockets_of_other_protocols() {
    process::alone(|| {
        for (name, socket) in others::not_sctp() {
            let variant = |error: &Error| matches!(error, Error::NotSctp);
            refused(
                socket.as_fd(),
                AssocId::from_raw(3),
                variant,
                Errno::OPNOTSUPP,
            );
            let peer = "127.0.0.1:9".parse().unwrap();
            assert!(
                matches!(assoc_id_of_peer(&socket, peer), Err(Error::NotSctp)),
                "{name}"
            );
            assert!(matches!(assoc_ids(&socket), Err(Error::NotSctp)), "{name}");
            assert!(
                matches!(supports_flags(&socket), Err(Error::NotSctp)),
                "{name}"
            );
        }
    });
}

fn all_say(socket: impl AsFd + Copy, variant: fn(&Error) -> bool, errno: Errno) {
    refused(socket.as_fd(), AssocId::from_raw(3), variant, errno);
    let peer = "127.0.0.1:9".parse().unwrap();
    assert!(variant(&assoc_id_of_peer(socket, peer).unwrap_err()));
    assert!(variant(&assoc_ids(socket).unwrap_err()));
    assert!(variant(&supports_flags(socket).unwrap_err()));
}

#[test]
fn a_file_is_no_socket() {
    process::alone(|| {
        let file = others::file();
        all_say(
            &file,
            |error| matches!(error, Error::NotSocket),
            Errno::NOTSOCK,
        );
    });
}

#[test]
fn bad_descriptors() {
    process::alone(|| {
        let variant = |error: &Error| matches!(error, Error::BadDescriptor);
        let path = others::path();
        all_say(&path, variant, Errno::BADF);
        all_say(others::closed(), variant, Errno::BADF);
    });
}

#[test]
fn messages_say_what_to_do() {
    let error = Error::NoDescriptor(Errno::MFILE);
    assert!(error.to_string().contains("untouched"), "{error}");
    let error = Error::AssociationLost(Errno::MFILE);
    assert!(error.to_string().contains("destroyed"), "{error}");
    assert_eq!(
        io::Error::from(Error::Unsupported).kind(),
        io::ErrorKind::Unsupported
    );
}

#[test]
fn an_unknown_peer() {
    process::alone(|| {
        for family in FAMILIES {
            let server = server(family);
            let (client, _) = associate(family, &server);
            let mut peer = address(&client);
            peer.set_port(peer.port() ^ 1);
            let error = assoc_id_of_peer(&server, peer).unwrap_err();
            assert!(
                matches!(error, Error::NoSuchPeer(named) if named == peer),
                "{error:?}"
            );
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
    });
}

#[test]
#[allow(unsafe_code, reason = "unshare_unsafe")]
fn in_another_network_namespace_it_is_not_peelable() {
    process::in_guest(|| {
        for way in WAYS {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            let before = descriptors::open();
            thread::scope(|scope| {
                let elsewhere = scope.spawn(|| {
                    // SAFETY: only this thread's network namespace changes.
                    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
                    way(&server, id).unwrap_err()
                });
                let error = elsewhere.join().unwrap();
                assert!(matches!(error, Error::NotPeelable), "{error:?}");
            });
            assert_eq!(descriptors::open(), before);
            alive(&server, &client, id);
            way(&server, id).unwrap();
        }
    });
}
