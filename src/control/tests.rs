//! Control messages in the layout of this system.

use super::*;
use std::vec::Vec;

/// A control message with its padding.
fn message(kind: i32, data: &[u8]) -> Vec<u8> {
    let length = HEADER + data.len();
    let mut bytes = [0; HEADER];
    let lowest_byte = if cfg!(target_endian = "big") {
        CMSG_LEN - 1
    } else {
        0
    };
    bytes[lowest_byte] = u8::try_from(length).unwrap();
    assert_eq!(cmsg_len(*bytes.first_chunk().unwrap()), length);
    bytes[CMSG_LEN..CMSG_LEN + 4].copy_from_slice(&SOL_SCTP.to_ne_bytes());
    bytes[CMSG_LEN + 4..CMSG_LEN + 8].copy_from_slice(&kind.to_ne_bytes());
    let mut bytes = [&bytes, data].concat();
    bytes.resize(length.next_multiple_of(WORD), 0);
    bytes
}

#[test]
fn from_control_finds_both_structs_behind_another_message() {
    let streams = [3_u16, 4].map(u16::to_ne_bytes).concat();
    for (kind, [tsn, cumtsn, context, assoc]) in
        [(SCTP_RCVINFO, RCVINFO), (SCTP_SNDRCV, SNDRCVINFO)]
    {
        let mut data = [0; 128];
        data[..4].copy_from_slice(&streams);
        for (offset, word) in [8, tsn, cumtsn, context, assoc].into_iter().zip(5_u32..) {
            data[offset..offset + 4].copy_from_slice(&word.to_ne_bytes());
        }
        let other = message(77, &[1; 5]);
        let control = [other.clone(), message(kind, &data)].concat();
        let info = RcvInfo::from_control(&control, control.len()).unwrap();
        assert_eq!((info.stream, info.ssn, info.flags), (3, 4, 0));
        assert_eq!((info.ppid, info.tsn, info.cumtsn), (5, 6, 7));
        assert_eq!((info.context, info.assoc), (8, AssocId::from_raw(9)));
        // The bytes of an earlier call are not read.
        assert_eq!(RcvInfo::from_control(&control, other.len()), None);
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn offsets_match_the_header() {
    let header = crate::uapi::header::Header::read();
    for (name, prefix, [tsn, cumtsn, context, assoc]) in [
        ("sctp_rcvinfo", "rcv", RCVINFO),
        ("sctp_sndrcvinfo", "sinfo", SNDRCVINFO),
    ] {
        let offset = |field| header.offset(name, &std::format!("{prefix}_{field}"));
        assert_eq!(offset("ssn"), 2);
        assert_eq!(offset("flags"), 4);
        assert_eq!(offset("ppid"), 8);
        assert_eq!(offset("tsn"), tsn);
        assert_eq!(offset("cumtsn"), cumtsn);
        assert_eq!(offset("context"), context);
        assert_eq!(offset("assoc_id"), assoc);
    }
}

/// The compiler evaluates the assertions.
#[cfg(target_os = "freebsd")]
#[expect(unsafe_code, reason = "libc declares the length macros as unsafe")]
const _: () = {
    use core::mem::offset_of;
    use libc::{sctp_rcvinfo, sctp_sndrcvinfo};
    // SAFETY: both functions only compute a length.
    let [header, space] = unsafe { [libc::CMSG_LEN(0), libc::CMSG_SPACE(1)] };
    assert!(HEADER == header as usize);
    assert!(HEADER + WORD == space as usize);
    assert!(offset_of!(sctp_rcvinfo, rcv_ppid) == 8);
    assert!(offset_of!(sctp_rcvinfo, rcv_tsn) == RCVINFO[0]);
    assert!(offset_of!(sctp_rcvinfo, rcv_cumtsn) == RCVINFO[1]);
    assert!(offset_of!(sctp_rcvinfo, rcv_context) == RCVINFO[2]);
    assert!(offset_of!(sctp_rcvinfo, rcv_assoc_id) == RCVINFO[3]);
    assert!(offset_of!(sctp_sndrcvinfo, sinfo_ppid) == 8);
    assert!(offset_of!(sctp_sndrcvinfo, sinfo_tsn) == SNDRCVINFO[0]);
    assert!(offset_of!(sctp_sndrcvinfo, sinfo_cumtsn) == SNDRCVINFO[1]);
    assert!(offset_of!(sctp_sndrcvinfo, sinfo_context) == SNDRCVINFO[2]);
    assert!(offset_of!(sctp_sndrcvinfo, sinfo_assoc_id) == SNDRCVINFO[3]);
};
