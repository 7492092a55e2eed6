//! The behavior that is common to Linux and FreeBSD. On FreeBSD, this program has no other
//! tests, and requires `kldload sctp`.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd, ioctl_fionbio};
use sctp_peeloff::notification::{AssocChange, AssocState, Reader, Received};
use sctp_peeloff::{
    AssocId, Effect, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags,
    set_recvrcvinfo, sockopt, subscribe_assoc_change,
};

use crate::support::descriptors::Limit;
use crate::support::message::{Message, deliver, receive, send};
use crate::support::{
    FAMILIES, Family, address, assert_matches, associate, associate_many, associated, client,
    option, process, server,
};

const IS_FREEBSD: bool = cfg!(target_os = "freebsd");
const NOT_FOUND: Errno = if IS_FREEBSD {
    Errno::NOENT
} else {
    Errno::INVAL
};

fn converse(socket: &OwnedFd, client: &OwnedFd, id: AssocId) {
    let request = Message::new("request", 3, 0x1234_5678);
    send(client, &request).unwrap();
    let got = receive(socket).unwrap();
    assert_eq!((&got.data, got.stream), (&request.data, request.stream));
    assert_eq!((got.ppid, got.assoc), (request.ppid, id));
    send(socket, &Message::new("reply", 2, 1).to(id)).unwrap();
    assert_eq!(receive(client).unwrap().data, b"reply");
}

#[test]
fn peeloff_moves_one_association_with_its_messages() {
    for family in FAMILIES {
        let (server, busy, id) = associated(family);
        let (other, other_id) = associate(family, &server);
        converse(&server, &busy, id);
        for number in 0..20_u8 {
            send(&busy, &Message::new([b'b', number], 0, 0)).unwrap();
            send(&other, &Message::new([b'o', number], 0, 0)).unwrap();
        }
        let peeled = peeloff(&server, id).unwrap();
        for number in 0..20 {
            assert_eq!(receive(&peeled).unwrap().data, [b'b', number]);
            let got = receive(&server).unwrap();
            assert_eq!((got.data, got.assoc), (vec![b'o', number], other_id));
        }
        assert_eq!(assoc_ids(&server).unwrap(), [other_id]);
        assert_eq!(sockopt::has_assoc(&server, id), Ok(false));
        assert_eq!(sockopt::has_assoc(&peeled, id), Ok(true));
        converse(&server, &other, other_id);
        drop(server);
        converse(&peeled, &busy, id);
    }
}

#[test]
fn assoc_id_converts_to_its_number_and_back() {
    let id = AssocId::from(-7);
    assert_eq!((i32::from(id), id.as_raw()), (-7, -7));
    assert_eq!(id, AssocId::from_raw(-7));
    assert_eq!(id.to_string(), "-7");
}

#[test]
fn assoc_ids_returns_the_id_of_each_association() {
    for family in FAMILIES {
        let server = server(family);
        assert_eq!(assoc_ids(&server).unwrap(), []);
        let clients = associate_many(family, &server, 5);
        let mut ids: Vec<_> = clients.iter().map(|(_, id)| *id).collect();
        let mut listed = assoc_ids(&server).unwrap();
        ids.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, ids);
        assert_eq!(sockopt::assoc_number(&server), Ok(5));
        for length in 1..=5 {
            let mut short = vec![AssocId::from_raw(0); length];
            let listed = sockopt::assoc_id_list(&server, &mut short);
            assert_eq!(listed, Err(Errno::INVAL), "{length}");
        }
    }
}

#[test]
fn assoc_id_of_peer_returns_the_id_that_the_peers_messages_have() {
    for family in FAMILIES {
        let server = server(family);
        for (client, id) in associate_many(family, &server, 3) {
            send(&client, &Message::new("whose?", 0, 0)).unwrap();
            assert_eq!(receive(&server).unwrap().assoc, id);
            let peer = address(&client);
            assert_eq!(assoc_id_of_peer(&server, peer).unwrap(), id);
            assert_eq!(sockopt::peer_addr_assoc_id(&server, peer), Ok(id));
            let peeled = peeloff(&server, id).unwrap();
            assert_eq!(assoc_id_of_peer(&peeled, peer).unwrap(), id);
            let error = assoc_id_of_peer(&server, peer).unwrap_err();
            assert_matches!(error, Error::NoSuchPeer(named) if named == peer);
            assert_eq!(error.errno(), Some(NOT_FOUND));
        }
    }
}

#[test]
fn peeloff_fails_with_no_such_association_for_unknown_and_peeled_off_ids() {
    for (server, client, id) in FAMILIES.into_iter().map(associated) {
        let peeled = peeloff(&server, id).unwrap();
        for id in [-1, 0, 1, 2, i32::MAX, id.as_raw(), id.as_raw() + 1] {
            let error = peeloff(&server, id.into()).unwrap_err();
            assert_matches!(error, Error::NoSuchAssociation(named) if named == id.into());
            assert_eq!(error.errno(), Some(NOT_FOUND));
            assert_eq!(error.effect(), Effect::None);
        }
        converse(&peeled, &client, id);
    }
}

#[test]
fn peeloff_fails_for_one_to_one_and_peeled_off_sockets() {
    for family in FAMILIES {
        let server = server(family);
        let one_to_one = client(family, &server);
        let id = AssocId::from_raw(3);
        assert_matches!(peeloff(&one_to_one, id), Err(Error::NotOneToMany));
        assert_matches!(assoc_ids(&one_to_one), Err(Error::NotOneToMany));

        let (client, id) = associate(family, &server);
        let peeled = peeloff(&server, id).unwrap();
        match peeloff(&peeled, id).unwrap_err() {
            Error::NotPeelable => {}
            Error::NotOneToMany if IS_FREEBSD => {}
            error => panic!("{error:?}"),
        }
        match assoc_ids(&peeled) {
            Ok(ids) if !IS_FREEBSD => assert_eq!(ids, [id]),
            Err(Error::NotOneToMany) if IS_FREEBSD => {}
            result => panic!("{result:?}"),
        }
        converse(&peeled, &client, id);
    }
}

#[test]
fn functions_fail_with_not_sctp_or_not_socket_for_other_descriptors() {
    let sockets: [OwnedFd; 4] = [
        TcpListener::bind("127.0.0.1:0").unwrap().into(),
        TcpListener::bind("[::1]:0").unwrap().into(),
        UdpSocket::bind("127.0.0.1:0").unwrap().into(),
        UnixDatagram::unbound().unwrap().into(),
    ];
    let file = File::open("/dev/null").unwrap();
    let errors = |fd: BorrowedFd<'_>| {
        let peer = "127.0.0.1:9".parse().unwrap();
        [
            peeloff(fd, AssocId::from_raw(3)).unwrap_err(),
            assoc_ids(fd).unwrap_err(),
            assoc_id_of_peer(fd, peer).unwrap_err(),
            subscribe_assoc_change(fd).unwrap_err(),
            set_recvrcvinfo(fd).unwrap_err(),
        ]
    };
    for error in sockets.iter().flat_map(|socket| errors(socket.as_fd())) {
        assert_matches!(error, Error::NotSctp);
    }
    for error in errors(file.as_fd()) {
        assert_matches!(error, Error::NotSocket);
    }
}

#[test]
fn peeloff_fails_with_no_descriptor_without_effect_if_none_is_free() {
    process::alone(|| {
        for (server, client, id) in FAMILIES.into_iter().map(associated) {
            let limit = Limit::none_free();
            let error = peeloff(&server, id).unwrap_err();
            drop(limit);
            assert_matches!(error, Error::NoDescriptor(Errno::MFILE));
            assert!(error.is_temporary());
            converse(&server, &client, id);
            let peeled = peeloff(&server, id).unwrap();
            converse(&peeled, &client, id);
        }
    });
}

/// With empty flags, `peeloff_flags` is equivalent to `peeloff`.
#[test]
fn peeloff_inherits_no_flags_except_nonblock_on_freebsd() {
    for nonblock in [false, true] {
        let (server, _client, id) = associated(Family::V4);
        fcntl_setfd(&server, FdFlags::CLOEXEC).unwrap();
        ioctl_fionbio(&server, nonblock).unwrap();
        let peeled = peeloff_flags(&server, id, PeeloffFlags::empty()).unwrap();
        assert_eq!(fcntl_getfd(&peeled), Ok(FdFlags::empty()));
        let status = fcntl_getfl(&peeled).unwrap();
        let inherits = nonblock && IS_FREEBSD;
        assert_eq!(status.contains(OFlags::NONBLOCK), inherits);

        // Setting the flags with fcntl works on both systems.
        fcntl_setfd(&peeled, FdFlags::CLOEXEC).unwrap();
        fcntl_setfl(&peeled, OFlags::NONBLOCK).unwrap();
        assert_matches!(receive(&peeled), Err(Errno::AGAIN));
    }
}

#[cfg(target_os = "freebsd")]
#[test]
fn peeloff_flags_fails_with_unsupported_without_effect() {
    let (server, client, id) = associated(Family::V4);
    for flags in [PeeloffFlags::CLOEXEC, PeeloffFlags::from_bits_retain(1)] {
        assert_matches!(peeloff_flags(&server, id, flags), Err(Error::Unsupported));
    }
    assert_matches!(
        sctp_peeloff::supports_flags(&server),
        Err(Error::Unsupported)
    );
    converse(&server, &client, id);
}

/// Reads with a buffer of `room` bytes until an `SCTP_ASSOC_CHANGE` arrives.
pub(crate) fn next_change(socket: &OwnedFd, reader: &mut Reader, room: usize) -> AssocChange {
    loop {
        let got = deliver(socket, room, 0).expect("a notification");
        if let Received::AssocChange(change) = reader.read(&got.data, got.flags) {
            return change;
        }
    }
}

/// Checks that a reader with a buffer of `room` bytes reports the setup and the end of two
/// associations. Returns the server and the reader.
fn expect_each_change(family: Family, room: usize) -> (OwnedFd, Reader) {
    let server = server(family);
    subscribe_assoc_change(&server).unwrap();
    let mut reader = Reader::new();
    let ends = [AssocState::ShutdownComp, AssocState::CommLost];
    for (is_abort, state) in [false, true].into_iter().zip(ends) {
        let (client, id) = associate(family, &server);
        let up = next_change(&server, &mut reader, room);
        assert_eq!((up.assoc, up.state), (id, AssocState::CommUp));
        assert!(up.inbound_streams > 0 && up.outbound_streams > 0);
        if is_abort {
            option::abort_on_close(&client);
        }
        drop(client);
        let end = next_change(&server, &mut reader, room);
        assert_eq!((end.assoc, end.state), (id, state), "{room} bytes");
        assert_eq!(end.is_abort(), is_abort, "{room} bytes");
    }
    (server, reader)
}

#[test]
fn reader_reports_each_change_on_shared_and_peeled_off_sockets() {
    for family in FAMILIES {
        for room in [1, 7, 19, 20, 21, 256] {
            let (server, mut reader) = expect_each_change(family, room);
            let (client, id) = associate(family, &server);
            assert_eq!(next_change(&server, &mut reader, room).assoc, id);
            let peeled = peeloff(&server, id).unwrap();
            let mut its_reader = reader.peel(id);
            drop(client);
            let end = next_change(&peeled, &mut its_reader, room);
            assert_eq!((end.assoc, end.state), (id, AssocState::ShutdownComp));
        }
    }
}
