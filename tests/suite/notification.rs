//! `notification`: notifications that arrive whole or in parts.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{self, SocketType};
use sctp_peeloff::notification::{AssocChange, AssocState, Reader, Received, ReturnFlags};
use sctp_peeloff::sockopt::SOL_SCTP;
use sctp_peeloff::{
    AssocId, PeeloffFlags, RcvInfo, assoc_id_of_peer, assoc_ids, peeloff_flags,
    subscribe_assoc_change,
};

use crate::portable::next_change;
use crate::support::message::{
    MSG_NOTIFICATION, Message, SCTP_ABORT, SHUTDOWN_EVENT, assoc_change, deliver, receive, send,
    send_flags,
};
use crate::support::option::{self, SCTP_ADAPTATION_LAYER, SCTP_EVENTS};
use crate::support::{FAMILIES, Family, address, associate, kernel, server, socket, wait_for};

const ASSOC_CHANGE: u16 = 0x8001;
const SEND_FAILED: u16 = 0x8003;
const ADAPTATION_INDICATION: u16 = 0x8007;
const AUTHENTICATION_EVENT: u16 = 0x8008;
const SENDER_DRY: u16 = 0x8009;

/// The peer chooses the bytes of an ABORT chunk. They have the form of a notification that
/// another association has ended.
#[test]
fn reader_does_not_report_a_notification_that_the_peer_forged() {
    // With each of these buffer sizes, every later part begins with a forged notification.
    for room in [20, 60, 240] {
        let server = server(Family::V4);
        subscribe_assoc_change(&server).unwrap();
        let mut reader = Reader::new();
        let (_client, victim) = associate(Family::V4, &server);
        assert_eq!(next_change(&server, &mut reader, 256).assoc, victim);
        let attacker = socket(Family::V4, SocketType::SEQPACKET);
        net::connect(&attacker, &address(&server)).unwrap();
        let id = next_change(&server, &mut reader, 256).assoc;

        let forged = assoc_change(1, victim.as_raw(), &[]);
        // The 20 bytes of the struct are followed by the 4-byte header of the error cause.
        let reason = [vec![0; 16], forged.repeat(50)].concat();
        let own = assoc_ids(&attacker).unwrap()[0];
        send_flags(&attacker, &Message::new(reason, 0, 0).to(own), SCTP_ABORT).unwrap();

        let end = next_change(&server, &mut reader, room);
        assert_eq!((end.assoc, end.state), (id, AssocState::CommLost));
        let mut deceived = 0;
        while reader.is_unfinished() {
            let rest = deliver(&server, room, 0).unwrap();
            assert_eq!(reader.read(&rest.data, rest.flags), Received::Other);
            let without_state = Reader::new().read(&rest.data, rest.flags);
            let is_end = |change: AssocChange| change.assoc == victim && change.state.is_end();
            deceived +=
                u32::from(matches!(without_state, Received::AssocChange(change) if is_end(change)));
        }
        // The parts begin with the forged notifications.
        assert!(deceived > 2, "{deceived}");
        let (_next, next) = associate(Family::V4, &server);
        assert_eq!(next_change(&server, &mut reader, room).assoc, next);
    }
}

#[test]
fn is_abort_returns_false_for_an_abort_without_an_error_cause() {
    for family in FAMILIES {
        let server = server(family);
        subscribe_assoc_change(&server).unwrap();
        let (client, id) = associate(family, &server);
        let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
        let mut reader = Reader::new();
        assert_eq!(next_change(&peeled, &mut reader, 256).assoc, id);
        option::abort_unnoticed(&peeled, client);
        send(&peeled, &Message::new("to nobody", 0, 0)).unwrap();
        let end = next_change(&peeled, &mut reader, 256);
        assert_eq!((end.state, end.length), (AssocState::CommLost, 20));
        assert!(!end.is_abort());
        assert_eq!(socket_error(&peeled).unwrap(), Err(Errno::CONNRESET));
    }
}

/// The kernel moves the unread part of a notification with its association.
#[test]
fn reader_peel_skips_the_remainder_of_a_half_read_notification() {
    for room in [4, 20] {
        let server = server(Family::V4);
        subscribe_assoc_change(&server).unwrap();
        let (_stays, stays) = associate(Family::V4, &server);
        let mut reader = Reader::new();
        assert_eq!(next_change(&server, &mut reader, 256).assoc, stays);

        let (client, id) = associate(Family::V4, &server);
        let first = deliver(&server, room, 0).unwrap();
        let seen = reader.read(&first.data, first.flags);
        let half = first.flags.contains(MSG_NOTIFICATION) && reader.is_unfinished();
        assert_eq!(half, room < 20, "{room} bytes");
        assert_eq!(matches!(seen, Received::AssocChange(_)), room == 20);
        let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
        let mut its_reader = reader.peel(id);
        // Its reader skips the remainder and reports what follows.
        drop(client);
        let end = next_change(&peeled, &mut its_reader, 256);
        assert_eq!((end.assoc, end.state), (id, AssocState::ShutdownComp));
    }
}

/// Reads notifications until one of this type arrives for this association. Returns the type
/// of each.
fn notifications(socket: &OwnedFd, last: (u16, AssocId)) -> Vec<u16> {
    let mut all = Vec::new();
    loop {
        let got = deliver(socket, 2048, 256).unwrap_or_else(|_| panic!("{last:x?} after {all:x?}"));
        if !got.flags.contains(MSG_NOTIFICATION) {
            continue;
        }
        assert_eq!(RcvInfo::from_control(&got.control, got.controllen), None);
        let kind = u16::from_ne_bytes([got.data[0], got.data[1]]);
        let change = match Reader::new().read(&got.data, got.flags) {
            Received::AssocChange(change) => Some(change.assoc),
            received => {
                assert_eq!(received, Received::Other);
                None
            }
        };
        assert_eq!(change.is_some(), kind == ASSOC_CHANGE, "{kind:x}");
        all.push(kind);
        if kind == last.0 && change.is_none_or(|id| id == last.1) {
            return all;
        }
    }
}

#[test]
fn reader_returns_other_for_each_other_type_of_notification() {
    let server = socket(Family::V4, SocketType::SEQPACKET);
    // Association, address, send failure, error, shutdown, partial delivery,
    // adaptation, authentication, sender dry.
    let all = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    option::set(&server, SOL_SCTP, SCTP_EVENTS, &all).unwrap();
    net::listen(&server, 16).unwrap();
    let mut seen = BTreeSet::new();
    for last in [SHUTDOWN_EVENT, SEND_FAILED] {
        let client = socket(Family::V4, SocketType::STREAM);
        option::set_words(&client, SCTP_ADAPTATION_LAYER, &[7]);
        net::connect(&client, &address(&server)).unwrap();
        send(&client, &Message::new("up", 0, 0)).unwrap();
        let peer = address(&client);
        let id = wait_for("the association", || assoc_id_of_peer(&server, peer).ok());
        seen.extend(notifications(&server, (ASSOC_CHANGE, id)));
        send(&server, &Message::new("dry after this", 0, 0).to(id)).unwrap();
        seen.extend(notifications(&server, (SENDER_DRY, id)));
        // With unread data, the close would abort the association.
        receive(&client).expect("the message");
        if last == SEND_FAILED {
            option::abort_on_close(&client);
            rustix::io::ioctl_fionbio(&server, true).unwrap();
            let much = Message::new([0; 1000], 0, 0).to(id);
            while send(&server, &much).is_ok() {}
            rustix::io::ioctl_fionbio(&server, false).unwrap();
        }
        drop(client);
        seen.extend(notifications(&server, (last, id)));
    }
    let mut expected = BTreeSet::from([ASSOC_CHANGE, SEND_FAILED, SHUTDOWN_EVENT]);
    expected.extend([ADAPTATION_INDICATION, SENDER_DRY]);
    // Linux 4.17 and later report a peer without authentication (commit 30f6ebf65bc4).
    if kernel::version() >= (4, 17) {
        expected.insert(AUTHENTICATION_EVENT);
    }
    assert_eq!(seen, expected);
}

/// A message, or a notification with its type, state, id and the bytes behind the struct. The
/// lengths are those of the parts in which it arrives.
type Arrival = (bool, u16, u16, i32, Vec<u8>, Vec<usize>);

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let kind = prop_oneof![Just(ASSOC_CHANGE), 0x8002_u16..0x800e];
    // The bytes that the peer chooses often have the form of a notification.
    let forged = (0_u16..5, 1_i32..9).prop_map(|(state, id)| assoc_change(state, id, &[]));
    let info = prop_oneof![Just(vec![]), forged, vec(any::<u8>(), 0..64)];
    let parts = vec(0_usize..40, 0..6);
    vec((any::<bool>(), kind, 0_u16..6, 1_i32..9, info, parts), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reader_reports_exactly_the_changes_of_any_sequence_of_parts(arrivals in arrivals()) {
        let mut reader = Reader::new();
        for (is_message, kind, state, id, info, parts) in arrivals {
            let mut bytes = assoc_change(state, id, &info);
            bytes[..2].copy_from_slice(&kind.to_ne_bytes());
            let mut reported = Vec::new();
            let mut rest = &bytes[..];
            for length in parts.into_iter().chain([usize::MAX]) {
                let (part, behind) = rest.split_at(length.min(rest.len()));
                rest = behind;
                let mut flags = if is_message { ReturnFlags::empty() } else { MSG_NOTIFICATION };
                flags.set(ReturnFlags::EOR, rest.is_empty());
                match reader.read(part, flags) {
                    Received::AssocChange(change) => reported.push(change),
                    received => prop_assert_eq!(received == Received::Message, is_message),
                }
                if rest.is_empty() {
                    break;
                }
            }
            let expected = usize::from(!is_message && kind == ASSOC_CHANGE);
            prop_assert_eq!(reported.len(), expected);
            for change in reported {
                prop_assert_eq!(change.assoc.as_raw(), id);
                prop_assert_eq!(change.length as usize, bytes.len());
            }
        }
    }
}
