//! Kernels that lack something. These tests run on the host, and start guests whose
//! kernel lacks it.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{SocketType, ipproto::SCTP, socket};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags,
    supports_flags,
};

use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, Family, associate, others, process, server};

#[test]
fn without_sctp_it_is_unsupported() {
    process::in_guest_without("sctp", || {
        for family in FAMILIES {
            let made = socket(family.domain(), SocketType::SEQPACKET, Some(SCTP));
            let errno = made.unwrap_err();
            assert!(
                matches!(errno, Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT),
                "{errno:?}"
            );
        }
        for (name, other) in others::not_sctp() {
            for error in errors(&other) {
                assert!(matches!(error, Error::Unsupported), "{name}: {error:?}");
                assert_eq!(error.errno(), None);
                assert!(error.to_string().contains("CONFIG_IP_SCTP"), "{error}");
            }
        }
        // What is wrong with these, SCTP would not mend.
        for error in errors(&others::file()) {
            assert!(matches!(error, Error::NotSocket), "{error:?}");
        }
        for error in errors(&others::path()) {
            assert!(matches!(error, Error::BadDescriptor), "{error:?}");
        }
    });
}

/// All functions say the same.
fn errors(socket: &OwnedFd) -> [Error; 5] {
    let id = AssocId::from_raw(3);
    [
        peeloff(socket, id).unwrap_err(),
        peeloff_flags(socket, id, PeeloffFlags::all()).unwrap_err(),
        assoc_ids(socket).unwrap_err(),
        assoc_id_of_peer(socket, "127.0.0.1:9".parse().unwrap()).unwrap_err(),
        supports_flags(socket).unwrap_err(),
    ]
}

#[test]
fn without_ipv6_there_is_ipv4() {
    process::in_guest_without("ipv6", || {
        let made = socket(Family::V6.domain(), SocketType::SEQPACKET, Some(SCTP));
        assert_eq!(made.unwrap_err(), Errno::AFNOSUPPORT);
        UdpSocket::bind("[::1]:0").unwrap_err();

        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        // An address of the family that is not there is no peer's.
        let nobody = "[::1]:9".parse().unwrap();
        let error = assoc_id_of_peer(&server, nobody).unwrap_err();
        assert!(
            matches!(error, Error::NoSuchPeer(peer) if peer == nobody),
            "{error:?}"
        );
        let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
        send(&client, &Message::new("works", 0, 0)).unwrap();
        assert_eq!(receive(&peeled).unwrap().data, b"works");
        // The question of `Unsupported` is asked over IPv4.
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(matches!(supports_flags(&tcp), Err(Error::NotSctp)));
    });
}
