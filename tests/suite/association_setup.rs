//! Associations that this side initiates, before they are established.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{self, SendFlags, SocketType};
use sctp_peeloff::notification::{AssocState, Reader, Received, ReturnFlags};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags, sockopt,
    subscribe_assoc_change,
};

use crate::support::message::{MSG_NOTIFICATION, Message, receive, send};
use crate::support::option::{self, SCTP_RTOINFO, SCTP_SOCKOPT_CONNECTX3};
use crate::support::{FAMILIES, Family, address, assert_matches, server, socket, wait_for};

/// A one-to-many socket with short retransmission timeouts.
fn initiator(family: Family) -> OwnedFd {
    let initiator = socket(family, SocketType::SEQPACKET);
    option::receive_info(&initiator);
    // For future associations: initial, maximum and minimum RTO in milliseconds.
    option::set_words(&initiator, SCTP_RTOINFO, &[0, 100, 200, 100]);
    initiator
}

/// Initiates an association with `SCTP_SOCKOPT_CONNECTX3`. Returns its id without waiting until
/// it is established.
fn connect(initiator: &OwnedFd, peer: SocketAddr) -> AssocId {
    let peer = net::SocketAddrAny::from(peer);
    // struct sctp_getaddrs_old: the id, which is output; the length of the addresses and a
    // pointer to them, which are input.
    let length = i32::try_from(peer.addr_len()).unwrap();
    let mut argument = [[0; 4], length.to_ne_bytes()].concat();
    argument.extend((peer.as_ptr() as usize).to_ne_bytes());
    fcntl_setfl(initiator, OFlags::NONBLOCK).unwrap();
    let (level, option) = (sockopt::SOL_SCTP, SCTP_SOCKOPT_CONNECTX3);
    let result = option::get(initiator, level, option, &mut argument);
    fcntl_setfl(initiator, OFlags::empty()).unwrap();
    assert_eq!(result, Err(Errno::INPROGRESS));
    AssocId::from_raw(i32::from_ne_bytes(argument[..4].try_into().unwrap()))
}

#[test]
fn assoc_ids_omits_an_association_without_id() {
    for family in FAMILIES {
        let server = server(family);
        option::drop_packets(&server);
        let initiator = initiator(family);
        let peer = address(&server);
        net::sendto(&initiator, b"hello", SendFlags::DONTWAIT, &peer).unwrap();

        assert_eq!(sockopt::assoc_number(&initiator), Ok(1));
        assert_eq!(assoc_ids(&initiator).unwrap(), []);
        let none = AssocId::from_raw(0);
        assert_eq!(sockopt::peer_addr_assoc_id(&initiator, peer), Ok(none));
        let error = assoc_id_of_peer(&initiator, peer).unwrap_err();
        assert_matches!(error, Error::NoSuchPeer(of) if of == peer);
        assert_matches!(peeloff(&initiator, none), Err(Error::NoSuchAssociation(id)) if id == none);

        option::let_packets_in(&server);
        assert_eq!(receive(&server).unwrap().data, b"hello");
        let id = wait_for("the id", || assoc_id_of_peer(&initiator, peer).ok());
        assert_eq!(assoc_ids(&initiator).unwrap(), [id]);
    }
}

#[test]
fn peeloff_flags_succeeds_during_setup() {
    for family in FAMILIES {
        let server = server(family);
        option::drop_packets(&server);
        let initiator = initiator(family);
        let id = connect(&initiator, address(&server));
        assert_eq!(assoc_ids(&initiator).unwrap(), [id]);
        let peeled = peeloff_flags(&initiator, id, PeeloffFlags::CLOEXEC).unwrap();
        assert_eq!(assoc_ids(&initiator).unwrap(), []);
        assert_eq!(assoc_ids(&peeled).unwrap(), [id]);

        option::let_packets_in(&server);
        send(&peeled, &Message::new("hello", 1, 2)).unwrap();
        let message = receive(&server).unwrap();
        assert_eq!((&message.data[..], message.stream), (&b"hello"[..], 1));
        send(&server, &Message::new("back", 0, 0).to(message.assoc)).unwrap();
        assert_eq!(receive(&peeled).unwrap().data, b"back");
    }
}

/// A peer that does not listen, so that its kernel refuses associations, and an initiator.
fn subscribed_initiator(family: Family) -> (OwnedFd, OwnedFd) {
    let initiator = initiator(family);
    subscribe_assoc_change(&initiator).unwrap();
    (socket(family, SocketType::SEQPACKET), initiator)
}

/// Checks that the next notification is `SCTP_CANT_STR_ASSOC` with this id.
fn expect_cant_str(socket: &OwnedFd, expected: AssocId) {
    let message = receive(socket).unwrap();
    assert!(message.notification);
    let flags = MSG_NOTIFICATION | ReturnFlags::EOR;
    assert_matches!(
        Reader::new().read(&message.data, flags),
        Received::AssocChange(change)
            if change.state == AssocState::CantStrAssoc && change.assoc == expected
    );
}

/// Checks that the socket has neither data nor a pending error.
fn expect_nothing(socket: &OwnedFd) {
    fcntl_setfl(socket, OFlags::NONBLOCK).unwrap();
    assert_eq!(receive(socket), Err(Errno::AGAIN));
    assert_eq!(net::sockopt::socket_error(socket), Ok(Ok(())));
}

#[test]
fn one_to_many_socket_reports_a_failed_setup_only_in_a_notification() {
    for (peer, initiator) in FAMILIES.into_iter().map(subscribed_initiator) {
        let id = connect(&initiator, address(&peer));
        expect_cant_str(&initiator, id);
        fcntl_setfl(&initiator, OFlags::NONBLOCK).unwrap();
        let started = net::connect(&initiator, &address(&peer));
        assert_eq!(started, Err(Errno::INPROGRESS));
        fcntl_setfl(&initiator, OFlags::empty()).unwrap();
        expect_cant_str(&initiator, AssocId::from_raw(0));
        expect_nothing(&initiator);
    }
}

#[test]
fn peeled_off_socket_reports_a_failed_setup_in_a_notification_and_as_errno() {
    for (peer, initiator) in FAMILIES.into_iter().map(subscribed_initiator) {
        // The filter drops every refusal that arrives before the peel-off.
        option::drop_packets(&initiator);
        let id = connect(&initiator, address(&peer));
        let peeled = peeloff(&initiator, id).unwrap();
        // The peeled-off socket inherits the filter on Linux 6.19 and later.
        let _ = option::detach_filter(&peeled);
        expect_cant_str(&peeled, id);
        assert_eq!(receive(&peeled), Err(Errno::CONNREFUSED));
        expect_nothing(&peeled);
        expect_nothing(&initiator);
    }
}
