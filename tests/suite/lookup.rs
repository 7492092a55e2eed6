//! `assoc_ids`, `assoc_id_of_peer`, and the options that they use.

use std::net::{Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::{SocketType, connect};
use sctp_peeloff::sockopt::SCTP_GET_ASSOC_NUMBER;
use sctp_peeloff::{AssocId, Error, assoc_id_of_peer, assoc_ids, peeloff, sockopt};

use crate::support::descriptors::Limit;
use crate::support::filter::{Call, denied};
use crate::support::message::{Message, receive, send};
use crate::support::{
    FAMILIES, Family, address, assert_matches, associate, associate_many, process, server, socket,
    wait_for,
};

#[test]
fn assoc_ids_returns_0_1_20_and_1000_ids() {
    process::alone(|| {
        let _limit = Limit::most();
        for family in FAMILIES {
            let server = server(family);
            let mut associated = Vec::new();
            for number in [0, 1, 20, 1000] {
                associated.extend(associate_many(family, &server, number - associated.len()));
                let mut ids: Vec<_> = associated.iter().map(|(_, id)| *id).collect();
                let mut listed = assoc_ids(&server).unwrap();
                ids.sort_unstable();
                listed.sort_unstable();
                assert_eq!(listed, ids);
                assert_eq!(
                    sockopt::assoc_number(&server),
                    Ok(u32::try_from(number).unwrap())
                );
            }
        }
    });
}

#[test]
fn assoc_id_of_peer_returns_the_id_of_each_peer() {
    for family in FAMILIES {
        let server = server(family);
        let clients = associate_many(family, &server, 5);
        for (number, (client, id)) in clients.iter().enumerate() {
            send(client, &Message::new(number.to_string(), 0, 0)).unwrap();
            // The id in SCTP_RCVINFO.
            assert_eq!(receive(&server).unwrap().assoc, *id);
            let peer = address(client);
            assert_eq!(assoc_id_of_peer(&server, peer).unwrap(), *id);
            assert_eq!(sockopt::peer_addr_assoc_id(&server, peer), Ok(*id));
        }
    }
}

#[test]
fn assoc_id_of_peer_fails_with_no_such_peer_for_peeled_off_peer() {
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peeloff(&server, id).unwrap();
    let peer = address(&client);
    assert_matches!(assoc_id_of_peer(&server, peer), Err(Error::NoSuchPeer(named)) if named == peer);
    assert_eq!(assoc_id_of_peer(&peeled, peer).unwrap(), id);
}

/// An IPv6 socket may have IPv4 peers. The kernel reports their addresses as IPv4-mapped IPv6
/// addresses.
#[test]
fn assoc_id_of_peer_returns_the_id_of_an_ipv4_peer_of_an_ipv6_socket() {
    let server = rustix::net::socket(
        Family::V6.domain(),
        SocketType::SEQPACKET,
        Some(rustix::net::ipproto::SCTP),
    )
    .unwrap();
    rustix::net::bind(&server, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).unwrap();
    rustix::net::listen(&server, 16).unwrap();
    let client = socket(Family::V4, SocketType::STREAM);
    let mut to = Family::V4.loopback();
    to.set_port(address(&server).port());
    connect(&client, &to).unwrap();
    let id = wait_for("the association", || {
        assoc_ids(&server).unwrap().first().copied()
    });
    let SocketAddr::V4(peer) = address(&client) else {
        panic!("an IPv4 address")
    };
    let mapped = SocketAddr::from((peer.ip().to_ipv6_mapped(), peer.port()));
    assert_eq!(assoc_id_of_peer(&server, mapped).unwrap(), id);
    assert_eq!(assoc_id_of_peer(&server, peer.into()).unwrap(), id);
}

/// Associations may be established between the query of their number and the query of their
/// ids. The filter simulates this, because with it `SCTP_GET_ASSOC_NUMBER` returns 0.
#[test]
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
fn assoc_ids_returns_all_ids_if_assoc_number_was_too_small() {
    let server = server(Family::V4);
    let clients = associate_many(Family::V4, &server, 20);
    let listed = denied([Call::getsockopt(SCTP_GET_ASSOC_NUMBER)], 0, || {
        assert_eq!(sockopt::assoc_number(&server), Ok(0));
        assoc_ids(&server).unwrap()
    });
    assert_eq!(
        listed,
        clients.iter().map(|(_, id)| *id).collect::<Vec<_>>()
    );
}

#[test]
fn sockopt_assoc_id_list_fails_with_einval_if_the_buffer_is_too_short() {
    let server = server(Family::V4);
    let clients = associate_many(Family::V4, &server, 3);
    let none = AssocId::from_raw(0);
    for length in 0..4 {
        let mut short = vec![none; length];
        assert_eq!(
            sockopt::assoc_id_list(&server, &mut short),
            Err(Errno::INVAL),
            "{length}"
        );
    }
    for length in 4..8 {
        let mut buffer = vec![none; length];
        let listed = sockopt::assoc_id_list(&server, &mut buffer).unwrap();
        assert_eq!(
            listed,
            clients.iter().map(|(_, id)| *id).collect::<Vec<_>>()
        );
    }
    for (_, id) in &clients {
        assert_eq!(sockopt::has_assoc(&server, *id), Ok(true));
    }
    assert_eq!(sockopt::has_assoc(&server, none), Ok(false));
    // On a peeled-off socket the kernel ignores the id.
    let peeled = sockopt::peeloff(&server, clients[0].1).unwrap();
    assert_eq!(sockopt::has_assoc(&peeled, none), Ok(true));
}
