//! Guest kernels without SCTP or without IPv6.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use rustix::io::Errno;
use rustix::net::{SocketType, ipproto::SCTP, socket};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags,
    supports_flags,
};

use crate::support::message::works;
use crate::support::{FAMILIES, Family, assert_matches, associate, others, process, server};

#[test]
fn functions_fail_with_not_sctp_on_a_kernel_without_sctp() {
    process::in_guest_without("sctp", || {
        for family in FAMILIES {
            let made = socket(family.domain(), SocketType::SEQPACKET, Some(SCTP));
            assert_matches!(made, Err(Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT));
        }
        let id = AssocId::from_raw(3);
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        for (name, socket) in others::not_sctp() {
            for result in [
                peeloff(&socket, id).map(drop),
                peeloff_flags(&socket, id, PeeloffFlags::all()).map(drop),
                assoc_ids(&socket).map(drop),
                assoc_id_of_peer(&socket, peer).map(drop),
                supports_flags(&socket).map(drop),
            ] {
                assert_matches!(result, Err(Error::NotSctp), "for {name}");
            }
        }
        assert_matches!(peeloff(others::file(), id), Err(Error::NotSocket));
        assert_matches!(peeloff(others::path(), id), Err(Error::BadDescriptor));
    });
}

#[test]
fn functions_succeed_over_ipv4_on_a_kernel_without_ipv6() {
    process::in_guest_without("ipv6", || {
        let made = socket(Family::V6.domain(), SocketType::SEQPACKET, Some(SCTP));
        assert_eq!(made.unwrap_err(), Errno::AFNOSUPPORT);
        UdpSocket::bind("[::1]:0").unwrap_err();

        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        // No peer can have an IPv6 address.
        let address = "[::1]:9".parse().unwrap();
        let error = assoc_id_of_peer(&server, address).unwrap_err();
        assert_matches!(error, Error::NoSuchPeer(peer) if peer == address);
        let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
        works(&peeled, &client, id);
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_matches!(supports_flags(&tcp), Err(Error::NotSctp));
    });
}
