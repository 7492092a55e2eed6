//! `assoc_ids`, `assoc_id_of_peer`, and the options that they use.

use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{self, SocketType};
use sctp_peeloff::sockopt::SCTP_GET_ASSOC_NUMBER;
use sctp_peeloff::{AssocId, assoc_id_of_peer, assoc_ids, sockopt};

use crate::support::descriptors::Limit;
use crate::support::filter::{Call, denied};
use crate::support::{
    FAMILIES, Family, address, associate_many, process, server, socket, wait_for,
};

fn ids_of(clients: &[(OwnedFd, AssocId)]) -> Vec<AssocId> {
    clients.iter().map(|(_, id)| *id).collect()
}

#[test]
fn assoc_ids_returns_0_1_20_and_1000_ids() {
    process::alone(|| {
        let _limit = Limit::most();
        for family in FAMILIES {
            let server = server(family);
            let mut associated = Vec::new();
            for number in [0, 1, 20, 1000] {
                associated.extend(associate_many(family, &server, number - associated.len()));
                let mut ids = ids_of(&associated);
                let mut listed = assoc_ids(&server).unwrap();
                ids.sort_unstable();
                listed.sort_unstable();
                assert_eq!(listed, ids);
                let number = u32::try_from(number).unwrap();
                assert_eq!(sockopt::assoc_number(&server), Ok(number));
            }
        }
    });
}

/// An IPv6 socket may have IPv4 peers. The kernel reports their addresses as IPv4-mapped IPv6
/// addresses.
#[test]
fn assoc_id_of_peer_returns_the_id_of_an_ipv4_peer_of_an_ipv6_socket() {
    let kind = SocketType::SEQPACKET;
    let server = net::socket(Family::V6.domain(), kind, Some(net::ipproto::SCTP)).unwrap();
    net::bind(&server, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).unwrap();
    net::listen(&server, 16).unwrap();
    let client = socket(Family::V4, SocketType::STREAM);
    let mut to = Family::V4.loopback();
    to.set_port(address(&server).port());
    net::connect(&client, &to).unwrap();
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
/// ids. To simulate this case, a filter makes `SCTP_GET_ASSOC_NUMBER` return 0.
#[test]
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
fn assoc_ids_returns_all_ids_if_assoc_number_was_too_small() {
    let server = server(Family::V4);
    let clients = associate_many(Family::V4, &server, 20);
    let listed = denied([Call::getsockopt(SCTP_GET_ASSOC_NUMBER)], 0, || {
        assert_eq!(sockopt::assoc_number(&server), Ok(0));
        assoc_ids(&server).unwrap()
    });
    assert_eq!(listed, ids_of(&clients));
}

#[test]
fn sockopt_assoc_id_list_fails_with_einval_if_the_buffer_is_too_short() {
    let server = server(Family::V4);
    let clients = associate_many(Family::V4, &server, 3);
    let none = AssocId::from_raw(0);
    for length in 0..4 {
        let mut short = vec![none; length];
        let listed = sockopt::assoc_id_list(&server, &mut short);
        assert_eq!(listed, Err(Errno::INVAL), "{length}");
    }
    for length in 4..8 {
        let mut buffer = vec![none; length];
        let listed = sockopt::assoc_id_list(&server, &mut buffer);
        assert_eq!(listed.unwrap(), ids_of(&clients));
    }
    for (_, id) in &clients {
        assert_eq!(sockopt::has_assoc(&server, *id), Ok(true));
    }
    assert_eq!(sockopt::has_assoc(&server, none), Ok(false));
    // On a peeled-off socket the kernel ignores the id.
    let peeled = sockopt::peeloff(&server, clients[0].1).unwrap();
    assert_eq!(sockopt::has_assoc(&peeled, none), Ok(true));
}
