//! The DSCP in the packets of a peeled-off socket.

use std::os::fd::OwnedFd;

use rustix::net::{self, AddressFamily, Protocol, RecvFlags, SocketType};
use sctp_peeloff::sockopt::SOL_SCTP;

use super::peel;
use crate::support::message::passes;
use crate::support::option::set;
use crate::support::{FAMILIES, Family, address, associate, kernel, server, wait_for};

/// A DSCP in the upper six bits. The ECN bits are 0.
const MARK: u8 = 0xb8;
const DSCP: u8 = 0xfc;

/// A socket that captures all packets of the system.
fn capture() -> OwnedFd {
    let every = u32::from(u16::try_from(libc::ETH_P_ALL).unwrap().to_be());
    let protocol = Protocol::from_raw(every.try_into().unwrap());
    net::socket(AddressFamily::PACKET, SocketType::RAW, Some(protocol)).unwrap()
}

/// Returns the type of service or the traffic class if this is an SCTP packet from the port.
fn mark(family: Family, frame: &[u8], port: u16) -> Option<u8> {
    let packet = frame.get(14..)?;
    let (mark, header) = match (family, packet.first()? >> 4) {
        (Family::V4, 4) => (packet[1], 20),
        (Family::V6, 6) => (packet[0] << 4 | packet[1] >> 4, 40),
        _ => return None,
    };
    (packet.get(header..header + 2)? == port.to_be_bytes()).then_some(mark)
}

/// Sends a message through the peeled-off socket and returns the mark of its packet.
fn mark_of_a_message(family: Family, peeled: &OwnedFd, client: &OwnedFd) -> u8 {
    let port = address(peeled).port();
    let packets = capture();
    let text = b"the message that is captured";
    passes(peeled, client, text);
    wait_for("the packet", || {
        let mut frame = [0; 2000];
        let (length, _) = net::recv(&packets, &mut frame, RecvFlags::DONTWAIT).ok()?;
        let frame = &frame[..length];
        frame.windows(text.len()).find(|bytes| bytes == text)?;
        mark(family, frame, port)
    })
}

/// Sets `spp_dscp` of `struct sctp_paddrparams` for future associations.
fn set_dscp(socket: &OwnedFd) {
    const SPP_DSCP: u32 = 1 << 9;
    let mut parameters = [0; 156];
    parameters[146..150].copy_from_slice(&SPP_DSCP.to_ne_bytes());
    parameters[154] = MARK;
    set(socket, SOL_SCTP, libc::SCTP_PEER_ADDR_PARAMS, &parameters).unwrap();
}

fn set_tos(family: Family, socket: &OwnedFd) {
    let (level, option) = match family {
        Family::V4 => (libc::IPPROTO_IP, libc::IP_TOS),
        Family::V6 => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    };
    set(socket, level, option, &i32::from(MARK).to_ne_bytes()).unwrap();
}

#[test]
fn peeloff_keeps_spp_dscp() {
    for family in FAMILIES {
        let server = server(family);
        set_dscp(&server);
        let (client, assoc) = associate(family, &server);
        let peeled = peel(&server, assoc);
        assert_eq!(mark_of_a_message(family, &peeled, &client), MARK);
    }
}

#[test]
fn peeloff_inherits_the_type_of_service_on_linux_6_19_and_later() {
    for family in FAMILIES {
        let server = server(family);
        set_tos(family, &server);
        let (client, assoc) = associate(family, &server);
        let peeled = peel(&server, assoc);
        let clones_socket = kernel::version() >= (6, 19);
        let expected = if clones_socket { MARK } else { 0 };
        assert_eq!(mark_of_a_message(family, &peeled, &client) & DSCP, expected);
        set_tos(family, &peeled);
        assert_eq!(mark_of_a_message(family, &peeled, &client) & DSCP, MARK);
    }
}
