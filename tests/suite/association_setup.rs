//! An association that is still being set up from this side.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{self, SendFlags, SocketType};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags, sockopt,
};

use crate::support::message::{Message, receive, send};
use crate::support::option::{self, SCTP_RTOINFO, SCTP_SOCKOPT_CONNECTX3};
use crate::support::{FAMILIES, Family, address, assert_matches, server, socket, wait_for};

/// A socket that tries again soon, when the server has not answered.
fn initiator(family: Family) -> OwnedFd {
    let initiator = socket(family, SocketType::SEQPACKET);
    option::receive_info(&initiator);
    // Of all to come: initial, most, least, in milliseconds.
    option::set_words(&initiator, SCTP_RTOINFO, &[0, 100, 200, 100]);
    initiator
}

/// Starts an association without waiting for it, and returns its id at once.
fn connect(initiator: &OwnedFd, peer: SocketAddr) -> AssocId {
    let peer = net::SocketAddrAny::from(peer);
    // struct sctp_getaddrs_old: the id comes out, the length of the addresses and a
    // pointer to them go in.
    let length = i32::try_from(peer.addr_len()).unwrap();
    let mut argument = [[0; 4], length.to_ne_bytes()].concat();
    argument.extend((peer.as_ptr() as usize).to_ne_bytes());
    fcntl_setfl(initiator, OFlags::NONBLOCK).unwrap();
    let answer = option::get(
        initiator.as_fd(),
        sockopt::SOL_SCTP,
        SCTP_SOCKOPT_CONNECTX3,
        &mut argument,
    );
    fcntl_setfl(initiator, OFlags::empty()).unwrap();
    assert_eq!(answer, Err(Errno::INPROGRESS));
    AssocId::from_raw(i32::from_ne_bytes(argument[..4].try_into().unwrap()))
}

#[test]
fn assoc_ids_leaves_out_association_without_id() {
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
        let error = peeloff(&initiator, none).unwrap_err();
        assert_matches!(error, Error::NoSuchAssociation(id) if id == none);

        option::let_packets_in(&server);
        assert_eq!(receive(&server).unwrap().data, b"hello");
        let id = wait_for("the id", || assoc_id_of_peer(&initiator, peer).ok());
        assert_eq!(assoc_ids(&initiator).unwrap(), [id]);
    }
}

#[test]
fn peeloff_flags_succeeds_during_set_up() {
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
        assert_eq!(
            (message.data.as_slice(), message.stream),
            (&b"hello"[..], 1)
        );
        send(&server, &Message::new("back", 0, 0).to(message.assoc)).unwrap();
        assert_eq!(receive(&peeled).unwrap().data, b"back");
    }
}
