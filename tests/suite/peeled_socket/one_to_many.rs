//! The one-to-many socket after a peel-off. `tests/suite/peeloff.rs` tests that a send to the
//! id of a peeled-off association fails with `EPIPE`.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{self, SendFlags, SocketType};
use sctp_peeloff::{AssocId, Error, assoc_id_of_peer, assoc_ids, peeloff};

use super::{Read, State, again, peel, read, wait_for_end};
use crate::support::message::{Message, receive, send, wait_until_acknowledged};
use crate::support::{
    FAMILIES, Family, address, assert_matches, associate, associated, option, server, wait_for,
    wait_until_ended,
};

/// Checks that `reach` cannot establish a second association with the peer of a peeled-off
/// association, and that it can do so after the end of that association.
fn reach_the_peer(family: Family, reach: fn(&OwnedFd, SocketAddr) -> Result<(), Errno>) {
    let (server, client, id) = associated(family);
    let peer = address(&client);
    let peeled = peel(&server, id);
    assert_eq!(reach(&server, peer), Err(Errno::ADDRNOTAVAIL));
    assert_matches!(assoc_id_of_peer(&server, peer), Err(Error::NoSuchPeer(_)));

    drop(client);
    wait_for_end(&peeled);
    let again = again(family, SocketType::SEQPACKET, peer);
    net::listen(&again, 1).unwrap();
    assert_eq!(reach(&server, peer), Ok(()));
    let new = wait_for("the id", || assoc_id_of_peer(&server, peer).ok());
    assert_ne!(new, id);
    assert_eq!(assoc_ids(&server).unwrap(), [new]);
    assert_eq!(assoc_ids(&peeled).unwrap(), []);
    let by_id = send(&server, &Message::new("to the id", 0, 0).to(id));
    assert_eq!(by_id, Err(Errno::PIPE));
}

#[test]
fn sendto_fails_with_eaddrnotavail_for_peeled_off_peer() {
    for family in FAMILIES {
        reach_the_peer(family, |server, peer| {
            net::sendto(server, b"hello", SendFlags::NOSIGNAL, &peer).map(drop)
        });
    }
}

#[test]
fn connect_fails_with_eaddrnotavail_for_peeled_off_peer() {
    for family in FAMILIES {
        reach_the_peer(family, |server, peer| net::connect(server, &peer));
    }
}

/// A new association of the same peer is on the one-to-many socket, even if the peeled-off
/// descriptor of its earlier association is still open.
#[test]
fn new_association_of_the_peer_is_on_the_one_to_many_socket() {
    for family in FAMILIES {
        let (server, client, id) = associated(family);
        let peer = address(&client);
        let peeled = peel(&server, id);
        drop(client);
        wait_for_end(&peeled);
        let again = again(family, SocketType::STREAM, peer);
        net::connect(&again, &address(&server)).unwrap();
        send(&again, &Message::new("again", 0, 0)).unwrap();
        let got = receive(&server).unwrap();
        assert_eq!(got.data, b"again");
        assert_ne!(got.assoc, id);
        assert_eq!(assoc_ids(&server).unwrap(), [got.assoc]);
        assert_eq!(assoc_ids(&peeled).unwrap(), []);
    }
}

#[test]
fn one_to_many_socket_receives_no_notification_of_the_end_of_a_peeled_off_association() {
    for family in FAMILIES {
        let server = server(family);
        option::subscribe_ends(&server);
        let (client, id) = associate(family, &server);
        let peeled = peel(&server, id);
        drop(client);
        wait_for_end(&peeled);
        rustix::io::ioctl_fionbio(&server, true).unwrap();
        assert_eq!(receive(&server), Err(Errno::AGAIN));
    }
}

/// Checks that a peel-off fails because the association has ended.
fn peel_too_late(server: &OwnedFd, assoc: AssocId) {
    assert_matches!(peeloff(server, assoc), Err(Error::NoSuchAssociation(id)) if id == assoc);
}

#[test]
fn one_to_many_socket_returns_the_messages_of_an_association_that_has_ended() {
    for family in FAMILIES {
        for (abort, end) in [(false, State::ShutdownComp), (true, State::CommLost)] {
            let server = server(family);
            option::subscribe_assoc_change(&server);
            let (client, assoc) = associate(family, &server);
            for text in ["first", "second"] {
                send(&client, &Message::new(text, 0, 0)).unwrap();
            }
            wait_until_acknowledged(&client);
            if abort {
                option::abort_on_close(&client);
            }
            drop(client);
            wait_until_ended(&server);
            peel_too_late(&server, assoc);
            assert_eq!(read(&server), Read::Change(State::CommUp));
            for text in ["first", "second"] {
                let expected = Message::new(text, 0, 0).to(assoc);
                assert_eq!(receive(&server), Ok(expected));
                peel_too_late(&server, assoc);
            }
            assert_eq!(read(&server), Read::Change(end));
        }
    }
}
