//! Sizes and offsets, and how an address is laid out.

use core::mem::{offset_of, size_of};
use core::net::{Ipv6Addr, SocketAddrV6};

use super::*;
#[cfg(not(miri))]
use crate::header::Header;

#[test]
fn structs_are_the_kernels() {
    assert_eq!(size_of::<AssocId>(), 4);
    assert_eq!(size_of::<PeeloffArg>(), 8);
    assert_eq!(offset_of!(PeeloffArg, associd), 0);
    assert_eq!(offset_of!(PeeloffArg, sd), 4);
    assert_eq!(size_of::<PeeloffFlagsArg>(), 12);
    assert_eq!(offset_of!(PeeloffFlagsArg, p_arg), 0);
    assert_eq!(offset_of!(PeeloffFlagsArg, flags), 8);
    assert_eq!(size_of::<Status>(), 176);
    assert_eq!(offset_of!(Status, assoc_id), 0);
    assert_eq!(size_of::<PeerAddrInfo>(), 152);
    assert_eq!(offset_of!(PeerAddrInfo, assoc_id), 0);
    assert_eq!(offset_of!(PeerAddrInfo, address), 4);
}

/// The kernel's header says the same.
#[cfg(not(miri))]
#[test]
fn numbers_and_structs_are_the_headers() {
    let header = Header::read();
    for (name, number) in [
        ("SCTP_STATUS", SCTP_STATUS),
        ("SCTP_GET_PEER_ADDR_INFO", SCTP_GET_PEER_ADDR_INFO),
        ("SCTP_GET_ASSOC_NUMBER", SCTP_GET_ASSOC_NUMBER),
        ("SCTP_GET_ASSOC_ID_LIST", SCTP_GET_ASSOC_ID_LIST),
        ("SCTP_SOCKOPT_PEELOFF", SCTP_SOCKOPT_PEELOFF),
        ("SCTP_SOCKOPT_PEELOFF_FLAGS", SCTP_SOCKOPT_PEELOFF_FLAGS),
    ] {
        assert_eq!(header.number(name), number, "{name}");
    }
    for (name, size) in [
        ("sctp_peeloff_arg_t", size_of::<PeeloffArg>()),
        ("sctp_peeloff_flags_arg_t", size_of::<PeeloffFlagsArg>()),
        ("sctp_status", size_of::<Status>()),
        ("sctp_paddrinfo", size_of::<PeerAddrInfo>()),
    ] {
        assert_eq!(header.size(name), size, "{name}");
    }
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
            offset_of!(PeerAddrInfo, assoc_id),
        ),
        (
            "sctp_paddrinfo",
            "spinfo_address",
            offset_of!(PeerAddrInfo, address),
        ),
    ] {
        assert_eq!(header.offset(name, field), offset, "{name}.{field}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn numbers_are_libcs() {
    assert_eq!(SOL_SCTP, libc::IPPROTO_SCTP);
    assert_eq!(SCTP_STATUS, libc::SCTP_STATUS);
    assert_eq!(SCTP_GET_PEER_ADDR_INFO, libc::SCTP_GET_PEER_ADDR_INFO);
    assert_eq!(SCTP_GET_ASSOC_NUMBER, libc::SCTP_GET_ASSOC_NUMBER);
    assert_eq!(SCTP_GET_ASSOC_ID_LIST, libc::SCTP_GET_ASSOC_ID_LIST);
}

#[test]
fn an_ipv4_address() {
    let storage = sockaddr_storage(([192, 0, 2, 1], 0x1234).into());
    assert_eq!(storage[..2], 2_u16.to_ne_bytes());
    assert_eq!(storage[2..8], [0x12, 0x34, 192, 0, 2, 1]);
    assert_eq!(storage[8..], [0; 120]);
}

#[test]
fn an_ipv6_address() {
    let address = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0x1234, 5, 6);
    let storage = sockaddr_storage(address.into());
    assert_eq!(storage[..2], 10_u16.to_ne_bytes());
    assert_eq!(storage[2..4], [0x12, 0x34]);
    assert_eq!(storage[4..8], 5_u32.to_ne_bytes());
    assert_eq!(storage[8..24], Ipv6Addr::LOCALHOST.octets());
    assert_eq!(storage[24..28], 6_u32.to_ne_bytes());
    assert_eq!(storage[28..], [0; 100]);
}

/// What the kernel does to a value: it writes any bytes, to the last one.
#[allow(unsafe_code, reason = "the kernel's part is what is tested")]
fn write<T: Plain + ?Sized>(value: &mut T, byte: u8) {
    let size = size_of_val(value);
    let bytes = core::ptr::from_mut(value).cast::<u8>();
    // SAFETY: the bytes are those of a live value, and `Plain` allows any.
    unsafe { bytes.write_bytes(byte, size) };
}

/// The values are whole after that: under Miri a promise of [`Plain`] that does not
/// hold is an error.
#[test]
fn any_bytes_are_values() {
    let mut arg = PeeloffFlagsArg {
        p_arg: PeeloffArg::new(AssocId::from_raw(1)),
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

    let mut info = PeerAddrInfo::new(([192, 0, 2, 1], 7).into());
    write(&mut info, 0x33);
    assert_eq!(info.assoc_id.as_raw(), 0x3333_3333);
    assert_eq!(info.address, [0x33; 128]);
    assert_eq!(info.rest, [0x3333_3333; 5]);

    let mut ids = [AssocId::from_raw(1); 3];
    write(&mut ids[..], 0x44);
    assert_eq!(ids, [AssocId::from_raw(0x4444_4444); 3]);
    // The probe's value: there is nothing to write.
    write(&mut [0_u32; 0], 0x55);
}
