//! The type of a peeled-off socket, and the calls that fail on it.

use rustix::io::Errno;
use rustix::net::{self, SendFlags, SocketType, sockopt};
use sctp_peeloff::{AssocId, Error, assoc_ids, peeloff};

use super::{Read, State, again, data, peel, peel_nonblocking, read, wait_for_end};
use crate::support::message::{Message, send};
use crate::support::{
    FAMILIES, Family, address, assert_matches, associate, associated, option, server, wait_for,
};

#[test]
fn bind_listen_connect_and_accept_fail_on_a_peeled_off_socket() {
    for family in FAMILIES {
        let (server, client, id) = associated(family);
        let peeled = peel(&server, id);
        assert_eq!(sockopt::socket_type(&peeled), Ok(SocketType::SEQPACKET));
        let others = [address(&client), address(self::server(family))];
        let refusals = |when: &str| {
            let bind = net::bind(&peeled, &family.loopback());
            assert_eq!(bind, Err(Errno::INVAL), "{when}");
            assert_eq!(net::listen(&peeled, 1), Err(Errno::INVAL), "{when}");
            for other in others {
                assert_eq!(net::connect(&peeled, &other), Err(Errno::ISCONN), "{when}");
            }
            let accept = net::accept(&peeled).map(drop);
            assert_eq!(accept, Err(Errno::OPNOTSUPP), "{when}");
        };
        refusals("while the association is established");
        assert_matches!(peeloff(&peeled, id), Err(Error::NotPeelable));
        drop(client);
        wait_for_end(&peeled);
        refusals("after the end of the association");
        assert_matches!(peeloff(&peeled, id), Err(Error::NoSuchAssociation(_)));
    }
}

/// A peeled-off socket sends every message to its only peer.
#[test]
fn send_ignores_address_and_id() {
    for family in FAMILIES {
        let server = server(family);
        let third = self::server(family);
        let (client, id) = associate(family, &server);
        let peeled = peel(&server, id);
        let to = address(&third);
        net::sendto(&peeled, b"to another", SendFlags::empty(), &to).unwrap();
        assert_eq!(read(&client), data("to another"));
        let stranger = AssocId::from_raw(id.as_raw() + 1000);
        send(&peeled, &Message::new("to a stranger", 0, 0).to(stranger)).unwrap();
        assert_eq!(read(&client), data("to a stranger"));
        assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
        drop(client);
        wait_for_end(&peeled);
        let sent = net::sendto(&peeled, b"to another", SendFlags::NOSIGNAL, &to);
        assert_eq!(sent, Err(Errno::PIPE));
        assert_eq!(assoc_ids(&peeled).unwrap(), []);
        assert_eq!(assoc_ids(&third).unwrap(), []);
    }
}

/// After a restart, the peer has the same address and no longer has the association.
#[test]
fn restart_of_the_peer_keeps_the_association() {
    let server = server(Family::V4);
    option::subscribe_ends(&server);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peel_nonblocking(&server, id);
    assert_eq!(read(&peeled), Read::Change(State::CommUp));

    let peer = address(&client);
    option::drop_packets(&peeled);
    option::abort_on_close(&client);
    drop(client);
    option::let_packets_in(&peeled);
    let again = again(Family::V4, SocketType::STREAM, peer);
    net::connect(&again, &address(&server)).unwrap();
    send(&again, &Message::new("again", 0, 0)).unwrap();

    let next = || {
        wait_for("the next message", || {
            Some(read(&peeled)).filter(|next| *next != Read::Failed(Errno::AGAIN))
        })
    };
    assert_eq!(next(), Read::Change(State::Restart));
    assert_eq!(next(), data("again"));
    assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
    assert_eq!(assoc_ids(&server).unwrap(), []);
}
