//! Notifications in parts. The suite's property test covers arbitrary sequences.

use super::*;
use std::vec::Vec;

/// The type of another notification.
const OTHER: u16 = SCTP_ASSOC_CHANGE + 3;

fn notification(kind: u16, state: u16, assoc: i32, info: &[u8]) -> Vec<u8> {
    let length = u32::try_from(AssocChange::SIZE + info.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend([kind, 0].map(u16::to_ne_bytes).concat());
    bytes.extend(length.to_ne_bytes());
    bytes.extend([state, 0, 10, 20].map(u16::to_ne_bytes).concat());
    bytes.extend(assoc.to_ne_bytes());
    bytes.extend(info);
    bytes
}

fn read(reader: &mut Reader, bytes: &[u8], is_last: bool) -> Received {
    let mut flags = ReturnFlags::from_bits_retain(MSG_NOTIFICATION);
    flags.set(ReturnFlags::EOR, is_last);
    reader.read(bytes, flags)
}

fn assoc_of(received: Received) -> Option<i32> {
    match received {
        Received::AssocChange(change) => Some(change.assoc.as_raw()),
        _ => None,
    }
}

#[test]
fn read_returns_every_field_of_an_assoc_change() {
    let bytes = notification(SCTP_ASSOC_CHANGE, SCTP_COMM_LOST, 7, &[6, 0, 0, 4]);
    let Received::AssocChange(change) = read(&mut Reader::new(), &bytes, true) else {
        panic!("no change");
    };
    assert_eq!(change.assoc, AssocId::from_raw(7));
    assert_eq!(change.state, AssocState::CommLost);
    assert_eq!((change.error, change.length), (0, 24));
    assert_eq!((change.outbound_streams, change.inbound_streams), (10, 20));
    assert!(change.is_abort());
}

#[test]
fn is_abort_requires_comm_lost_and_an_error_cause() {
    for (state, info, is_abort) in [
        (SCTP_COMM_LOST, &[][..], false),
        (SCTP_COMM_LOST, &[1], true),
        (SCTP_SHUTDOWN_COMP, &[1], false),
    ] {
        let bytes = notification(SCTP_ASSOC_CHANGE, state, 7, info);
        let Received::AssocChange(change) = read(&mut Reader::new(), &bytes, true) else {
            panic!("no change");
        };
        assert_eq!(change.is_abort(), is_abort);
    }
}

#[test]
fn is_end_holds_for_the_last_states() {
    // The states have consecutive numbers on every system.
    let ends = (0..6).map(|at| AssocState::from_raw(SCTP_COMM_UP + at).is_end());
    assert!(ends.eq([false, true, false, true, true, false]));
    let other = SCTP_CANT_STR_ASSOC + 1;
    assert_eq!(AssocState::from_raw(other), AssocState::Unknown(other));
}

#[test]
fn read_never_parses_a_remainder() {
    for kind in [SCTP_ASSOC_CHANGE, OTHER] {
        let forged = notification(SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_COMP, 4, &[]);
        let genuine = notification(kind, SCTP_COMM_LOST, 7, &forged);
        for cut in 0..=genuine.len() {
            let mut reader = Reader::new();
            let (first, second) = genuine.split_at(cut);
            let mut found = Vec::new();
            found.extend(assoc_of(read(&mut reader, first, false)));
            assert!(reader.is_unfinished());
            found.extend(assoc_of(read(&mut reader, second, true)));
            let expected: &[i32] = if kind == SCTP_ASSOC_CHANGE { &[7] } else { &[] };
            assert_eq!(found, expected, "{kind:#x} cut at {cut}");
            // The next notification is read again.
            assert_eq!(assoc_of(read(&mut reader, &forged, true)), Some(4));
        }
    }
}

#[test]
fn read_returns_message_without_the_notification_flag() {
    let bytes = notification(SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_COMP, 4, &[]);
    let mut reader = Reader::new();
    assert_eq!(reader.read(&bytes, ReturnFlags::EOR), Received::Message);
    assert_eq!(reader.read(&[], ReturnFlags::empty()), Received::Message);
}

#[test]
fn peel_moves_an_unfinished_notification_with_its_association() {
    let bytes = notification(SCTP_ASSOC_CHANGE, SCTP_COMM_LOST, 7, &[1; 8]);
    let mut shared = Reader::new();
    assert!(!shared.peel(AssocId::from_raw(7)).is_unfinished());

    read(&mut shared, &bytes[..24], false);
    assert!(!shared.peel(AssocId::from_raw(8)).is_unfinished());
    assert!(shared.is_unfinished());
    assert!(shared.peel(AssocId::from_raw(7)).is_unfinished());
    assert!(!shared.is_unfinished());
}

#[test]
fn peel_leaves_both_readers_unfinished_if_the_association_is_not_known() {
    let bytes = notification(SCTP_ASSOC_CHANGE, SCTP_COMM_LOST, 7, &[]);
    for (kind, length) in [(SCTP_ASSOC_CHANGE, 19), (OTHER, 20)] {
        let mut part = bytes[..length].to_vec();
        part[..2].copy_from_slice(&kind.to_ne_bytes());
        let mut shared = Reader::new();
        read(&mut shared, &part, false);
        let mut peeled = shared.peel(AssocId::from_raw(7));
        // On either socket the next notification may be the remainder.
        for reader in [&mut shared, &mut peeled] {
            assert!(reader.is_unfinished());
            let mut again = reader.peel(AssocId::from_raw(0));
            assert!(again.is_unfinished());
            for reader in [reader, &mut again] {
                assert_eq!(read(reader, &bytes, true), Received::Other);
                assert_eq!(assoc_of(read(reader, &bytes, true)), Some(7));
            }
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn offsets_match_the_header() {
    let header = crate::uapi::header::Header::read();
    for (field, offset) in [
        ("sac_type", 0),
        ("sac_length", 4),
        ("sac_state", 8),
        ("sac_error", 10),
        ("sac_outbound_streams", 12),
        ("sac_inbound_streams", 14),
        ("sac_assoc_id", 16),
    ] {
        assert_eq!(header.offset("sctp_assoc_change", field), offset, "{field}");
    }
    // The last field has no size of its own.
    assert_eq!(header.size("sctp_assoc_change"), AssocChange::SIZE);
}

/// The compiler evaluates the assertions.
#[cfg(target_os = "freebsd")]
const _: () = {
    use core::mem::offset_of;
    use libc::sctp_assoc_change;
    assert!(offset_of!(sctp_assoc_change, sac_type) == 0);
    assert!(offset_of!(sctp_assoc_change, sac_length) == 4);
    assert!(offset_of!(sctp_assoc_change, sac_state) == 8);
    assert!(offset_of!(sctp_assoc_change, sac_error) == 10);
    assert!(offset_of!(sctp_assoc_change, sac_outbound_streams) == 12);
    assert!(offset_of!(sctp_assoc_change, sac_inbound_streams) == 14);
    assert!(offset_of!(sctp_assoc_change, sac_assoc_id) == 16);
    assert!(size_of::<sctp_assoc_change>() == AssocChange::SIZE);
};
