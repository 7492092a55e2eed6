//! The constants and layouts, compared with the header and with libc.

use core::mem::{offset_of, size_of};
use core::net::{Ipv6Addr, SocketAddrV6};

#[cfg(not(miri))]
use super::header::Header;
use super::*;

/// The kernel accepts a value that is longer than its struct, so that one struct serves
/// both options of a peer's address.
#[cfg(not(miri))]
#[test]
fn structs_match_the_header() {
    let header = Header::read();
    for (name, size) in [
        ("sctp_peeloff_arg_t", size_of::<PeeloffArg>()),
        ("sctp_peeloff_flags_arg_t", size_of::<PeeloffFlagsArg>()),
        ("sctp_status", size_of::<Status>()),
        ("sctp_paddrparams", size_of::<PeerAddress>()),
        ("sctp_event", size_of::<Event>()),
    ] {
        assert_eq!(header.size(name), size, "{name}");
    }
    assert!(header.size("sctp_paddrinfo") <= size_of::<PeerAddress>());
    for (name, field, offset) in [
        (
            "sctp_peeloff_arg_t",
            "associd",
            offset_of!(PeeloffArg, associd),
        ),
        ("sctp_peeloff_arg_t", "sd", offset_of!(PeeloffArg, sd)),
        (
            "sctp_peeloff_flags_arg_t",
            "p_arg",
            offset_of!(PeeloffFlagsArg, p_arg),
        ),
        (
            "sctp_peeloff_flags_arg_t",
            "flags",
            offset_of!(PeeloffFlagsArg, flags),
        ),
        (
            "sctp_status",
            "sstat_assoc_id",
            offset_of!(Status, assoc_id),
        ),
        (
            "sctp_paddrinfo",
            "spinfo_assoc_id",
            offset_of!(PeerAddress, assoc_id),
        ),
        (
            "sctp_paddrinfo",
            "spinfo_address",
            offset_of!(PeerAddress, address),
        ),
        (
            "sctp_paddrparams",
            "spp_assoc_id",
            offset_of!(PeerAddress, assoc_id),
        ),
        (
            "sctp_paddrparams",
            "spp_address",
            offset_of!(PeerAddress, address),
        ),
        ("sctp_event", "se_assoc_id", offset_of!(Event, assoc_id)),
        ("sctp_event", "se_type", offset_of!(Event, kind)),
        ("sctp_event", "se_on", offset_of!(Event, on)),
    ] {
        assert_eq!(header.offset(name, field), offset, "{name}.{field}");
    }
}

#[cfg(not(miri))]
#[test]
fn constants_match_the_header() {
    let header = Header::read();
    for (name, number) in [
        ("SCTP_PEER_ADDR_PARAMS", SCTP_PEER_ADDR_PARAMS),
        ("SCTP_EVENTS", SCTP_EVENTS),
        ("SCTP_STATUS", SCTP_STATUS),
        ("SCTP_GET_PEER_ADDR_INFO", SCTP_GET_PEER_ADDR_INFO),
        ("SCTP_GET_ASSOC_NUMBER", SCTP_GET_ASSOC_NUMBER),
        ("SCTP_GET_ASSOC_ID_LIST", SCTP_GET_ASSOC_ID_LIST),
        ("SCTP_RECVRCVINFO", SCTP_RECVRCVINFO),
        ("SCTP_SOCKOPT_PEELOFF", SCTP_SOCKOPT_PEELOFF),
        ("SCTP_SOCKOPT_PEELOFF_FLAGS", SCTP_SOCKOPT_PEELOFF_FLAGS),
        ("SCTP_EVENT", SCTP_EVENT),
        ("SCTP_ALL_ASSOC", SCTP_ALL_ASSOC.as_raw()),
    ] {
        assert_eq!(header.number(name), number, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn constants_match_libc() {
    assert_eq!(SOL_SCTP, libc::IPPROTO_SCTP);
    assert_eq!(SCTP_STATUS, libc::SCTP_STATUS);
    assert_eq!(SCTP_GET_PEER_ADDR_INFO, libc::SCTP_GET_PEER_ADDR_INFO);
    assert_eq!(SCTP_GET_ASSOC_NUMBER, libc::SCTP_GET_ASSOC_NUMBER);
    assert_eq!(SCTP_GET_ASSOC_ID_LIST, libc::SCTP_GET_ASSOC_ID_LIST);
    assert_eq!(SCTP_RECVRCVINFO, libc::SCTP_RECVRCVINFO);
}

#[test]
fn sockaddr_storage_holds_an_ipv4_address() {
    let storage = sockaddr_storage(([192, 0, 2, 1], 0x1234).into());
    assert_eq!(storage[..2], 2_u16.to_ne_bytes());
    assert_eq!(storage[2..8], [0x12, 0x34, 192, 0, 2, 1]);
    assert_eq!(storage[8..], [0; 120]);
}

#[test]
fn sockaddr_storage_holds_an_ipv6_address() {
    let address = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0x1234, 5, 6);
    let storage = sockaddr_storage(address.into());
    assert_eq!(storage[..2], 10_u16.to_ne_bytes());
    assert_eq!(storage[2..4], [0x12, 0x34]);
    assert_eq!(storage[4..8], 5_u32.to_ne_bytes());
    assert_eq!(storage[8..24], Ipv6Addr::LOCALHOST.octets());
    assert_eq!(storage[24..28], 6_u32.to_ne_bytes());
    assert_eq!(storage[28..], [0; 100]);
}

/// Overwrites every byte of a value, as the kernel may.
#[allow(unsafe_code, reason = "writes to a value as the kernel does")]
fn write<T: Plain + ?Sized>(value: &mut T, byte: u8) {
    let size = size_of_val(value);
    let bytes = core::ptr::from_mut(value).cast::<u8>();
    // SAFETY: `value` is live and exclusively borrowed, and `Plain` guarantees that any
    // bytes are a valid value.
    unsafe { bytes.write_bytes(byte, size) };
}

/// Under Miri a type for which [`Plain`] does not hold is an error.
#[test]
fn any_bytes_are_valid_values() {
    let mut arg = PeeloffFlagsArg {
        p_arg: PeeloffArg {
            associd: AssocId::from_raw(1),
            sd: -1,
        },
        flags: 0,
    };
    write(&mut arg, 0x11);
    let PeeloffArg { associd, sd } = arg.p_arg;
    assert_eq!([associd.as_raw(), sd], [0x1111_1111; 2]);
    assert_eq!(arg.flags, 0x1111_1111);

    let mut status = Status::new(AssocId::from_raw(1));
    write(&mut status, 0x22);
    assert_eq!(status.assoc_id.as_raw(), 0x2222_2222);
    assert_eq!(status.rest, [0x2222_2222; 43]);

    let mut peer = PeerAddress::new(AssocId::from_raw(1), ([192, 0, 2, 1], 7).into());
    write(&mut peer, 0x33);
    assert_eq!(peer.assoc_id.as_raw(), 0x3333_3333);
    assert_eq!(peer.address, [0x33; 128]);
    assert_eq!(peer.rest, [0x3333_3333; 6]);

    let mut ids = [AssocId::from_raw(1); 3];
    write(&mut ids[..], 0x44);
    assert_eq!(ids, [AssocId::from_raw(0x4444_4444); 3]);
    // The argument of `has_peeloff_flags` has no bytes.
    write(&mut [0_u32; 0], 0x55);
}
