//! The addresses of a peeled-off socket and of its peer.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{self, SocketType};
use sctp_peeloff::AssocId;
use sctp_peeloff::sockopt::SOL_SCTP;

use super::peel;
use crate::support::{FAMILIES, Family, address, associate, associated, kernel, option, socket};

const SOCKOPT_BINDX_ADD: i32 = 100;
const GET_PEER_ADDRS: i32 = 108;
const GET_LOCAL_ADDRS: i32 = 109;

/// Reads a `struct sctp_getaddrs`: the association id, the number of addresses, and the
/// addresses.
fn addresses(socket: &OwnedFd, option: i32, id: AssocId) -> Vec<SocketAddr> {
    let mut bytes = vec![0; 256];
    bytes[..4].copy_from_slice(&id.as_raw().to_ne_bytes());
    option::get(socket, SOL_SCTP, option, &mut bytes).unwrap();
    let number = u32::from_ne_bytes(bytes[4..8].try_into().unwrap());
    let mut rest = &bytes[8..];
    let next = |_| {
        let family = i32::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let (ip, length): (IpAddr, _) = if family == libc::AF_INET {
            let ip: [u8; 4] = rest[4..8].try_into().unwrap();
            (ip.into(), size_of::<libc::sockaddr_in>())
        } else {
            let ip: [u8; 16] = rest[8..24].try_into().unwrap();
            (ip.into(), size_of::<libc::sockaddr_in6>())
        };
        let port = u16::from_be_bytes([rest[2], rest[3]]);
        rest = &rest[length..];
        (ip, port).into()
    };
    (0..number).map(next).collect()
}

fn peer_name(socket: &OwnedFd) -> SocketAddr {
    let name = net::getpeername(socket).unwrap();
    name.expect("an address").try_into().unwrap()
}

#[test]
fn getpeername_and_getsockname_depend_on_the_kernel_version() {
    for family in FAMILIES {
        let (server, client, id) = associated(family);
        let peeled = peel(&server, id);

        // Linux 5.18 and later return the address of the peer (commit 8467dda0c265). The commit
        // is also in some stable releases of earlier kernels.
        let mut peer = vec![address(&client)];
        if kernel::version() < (5, 18) {
            peer.push((family.unspecified(), peer[0].port()).into());
        }
        assert!(peer.contains(&peer_name(&peeled)), "{}", peer_name(&peeled));

        // Linux 6.19 and later return the local IPv6 address (commit b7ddb55f3127).
        let mut own = address(&server);
        if family == Family::V6 && kernel::version() < (6, 19) {
            own.set_ip(family.unspecified());
        }
        assert_eq!(address(&peeled), own);
    }
}

/// These options return the addresses even if getpeername and getsockname do not.
#[test]
fn address_options_return_all_addresses() {
    let none = AssocId::from_raw(0);
    for (server, client, id) in FAMILIES.into_iter().map(associated) {
        let peeled = peel(&server, id);
        let local = addresses(&peeled, GET_LOCAL_ADDRS, none);
        assert_eq!(local, [address(&server)]);
        let peer = addresses(&peeled, GET_PEER_ADDRS, none);
        assert_eq!(peer, [address(&client)]);
    }
}

#[test]
fn peeloff_inherits_all_bound_addresses() {
    let server = socket(Family::V4, SocketType::SEQPACKET);
    let first = address(&server);
    let second = SocketAddr::from(([127, 0, 0, 2], first.port()));
    // A struct sockaddr_in.
    let family = u16::try_from(libc::AF_INET).unwrap().to_ne_bytes();
    let mut bytes = [family, first.port().to_be_bytes()].concat();
    bytes.extend([127, 0, 0, 2]);
    bytes.extend([0; 8]);
    let (level, option) = (SOL_SCTP, SOCKOPT_BINDX_ADD);
    option::set(&server, level, option, &bytes).unwrap();
    net::listen(&server, 1).unwrap();
    let (_client, id) = associate(Family::V4, &server);
    let peeled = peel(&server, id);
    let local = addresses(&peeled, GET_LOCAL_ADDRS, AssocId::from_raw(0));
    assert_eq!(local, [first, second]);
}
