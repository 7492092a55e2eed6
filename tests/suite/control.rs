//! Ids in what recvmsg delivers: as the kernel writes them, and in any bytes.

use std::collections::BTreeSet;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::net;
use sctp_peeloff::sockopt::SOL_SCTP;
use sctp_peeloff::{AssocId, assoc_id_of_peer};

use crate::support::message::{MSG_NOTIFICATION, Message, send};
use crate::support::option::{self, SCTP_EVENTS, SCTP_NODELAY, SCTP_RECVRCVINFO};
use crate::support::{FAMILIES, Family, address, associate_many, server, socket, wait_for};

const SNDRCV: i32 = 1;
const RCVINFO: i32 = 3;
const SCTP_ADAPTATION_LAYER: i32 = 7;
const ASSOC_CHANGE: u16 = 0x8001;
const SEND_FAILED: u16 = 0x8003;
const SHUTDOWN_EVENT: u16 = 0x8005;
const ADAPTATION_INDICATION: u16 = 0x8007;
const AUTHENTICATION_EVENT: u16 = 0x8008;
const SENDER_DRY: u16 = 0x8009;

struct Received {
    data: Vec<u8>,
    control: Vec<u8>,
    notification: bool,
}

#[allow(unsafe_code, reason = "no safe recvmsg hands out unknown control data")]
fn receive(socket: &OwnedFd, room: usize) -> Option<Received> {
    let (mut data, mut control) = (vec![0_u8; 2048], vec![0_u8; room]);
    let mut part = libc::iovec {
        iov_base: data.as_mut_ptr().cast(),
        iov_len: data.len(),
    };
    // SAFETY: a msghdr of zeros is an empty one, and its pointers then are those
    // of live locals with their lengths.
    let (received, header) = unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len() as _;
        let received = libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0);
        (received, header)
    };
    data.truncate(received.try_into().ok()?);
    control.truncate(header.msg_controllen as _);
    Some(Received {
        data,
        control,
        notification: header.msg_flags & MSG_NOTIFICATION != 0,
    })
}

fn set(socket: &OwnedFd, name: i32, value: &[u8]) {
    option::set(socket.as_fd(), SOL_SCTP, name, value).unwrap();
}

#[test]
fn the_kernels_own_control_data() {
    const OFF: &[u8] = &[0; 4];
    let on = &1_i32.to_ne_bytes()[..];
    for family in FAMILIES {
        let server = server(family);
        let clients = associate_many(family, &server, 3);
        for (client, _) in &clients {
            set(client, SCTP_NODELAY, &1_i32.to_ne_bytes());
        }
        // sctp_rcvinfo, sctp_sndrcvinfo, both, neither.
        for (info, event) in [(on, 0), (OFF, 1), (on, 1), (OFF, 0)] {
            set(&server, SCTP_RECVRCVINFO, info);
            set(&server, SCTP_EVENTS, &[event]);
            for (client, id) in &clients {
                send(client, &Message::new("whose?", 3, 4)).unwrap();
                let control = receive(&server, 256).unwrap().control;
                let expected = (info == on || event == 1).then_some(*id);
                assert_eq!(AssocId::from_rcvinfo(&control), expected, "{control:?}");
                let mut longer = control.clone();
                longer.extend([0; 64]);
                assert_eq!(AssocId::from_rcvinfo(&longer), expected);
            }
        }
        // Room for a part of it only.
        set(&server, SCTP_RECVRCVINFO, on);
        let full = size_of::<usize>() + 8 + 28;
        for room in 0..full {
            send(&clients[0].0, &Message::new("whose?", 3, 4)).unwrap();
            assert_eq!(
                AssocId::from_rcvinfo(&receive(&server, room).unwrap().control),
                None
            );
        }
    }
}

/// Types, ids and bytes of all notifications until one of this type comes, for
/// this association.
fn notifications(socket: &OwnedFd, last: (u16, AssocId)) -> Vec<(u16, AssocId, Vec<u8>)> {
    let mut all = Vec::new();
    while all.last().is_none_or(|(kind, id, _)| (*kind, *id) != last) {
        let got = receive(socket, 256).unwrap_or_else(|| panic!("no {last:x?} after {all:x?}"));
        if got.notification {
            let kind = u16::from_ne_bytes([got.data[0], got.data[1]]);
            let id = AssocId::from_notification(&got.data).expect("an id");
            assert_eq!(AssocId::from_rcvinfo(&got.control), None);
            all.push((kind, id, got.data));
        }
    }
    all
}

/// Two associations, so that an id read from the wrong place is seen.
#[test]
fn the_kernels_own_notifications() {
    let server = socket(Family::V4, net::SocketType::SEQPACKET);
    // Association, address, send failure, error, shutdown, partial delivery,
    // adaptation, authentication, sender dry.
    set(&server, SCTP_EVENTS, &[0, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    net::listen(&server, 16).unwrap();
    let mut seen = BTreeSet::new();
    for last in [SHUTDOWN_EVENT, SEND_FAILED] {
        let client = socket(Family::V4, net::SocketType::STREAM);
        set(&client, SCTP_ADAPTATION_LAYER, &7_u32.to_ne_bytes());
        net::connect(&client, &address(&server)).unwrap();
        send(&client, &Message::new("up", 0, 0)).unwrap();
        let id = wait_for("the association", || {
            assoc_id_of_peer(&server, address(&client)).ok()
        });
        let up = notifications(&server, (ASSOC_CHANGE, id));
        assert_eq!(up.last().unwrap().2[8], 0, "SCTP_COMM_UP");
        seen.extend(up);
        send(&server, &Message::new("dry after this", 0, 0).to(id)).unwrap();
        seen.extend(notifications(&server, (SENDER_DRY, id)));
        // Data left unread would make an abort of the close.
        receive(&client, 0).expect("the message");
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
    let seen: BTreeSet<_> = seen.iter().map(|(kind, ..)| *kind).collect();
    let expected = [
        ASSOC_CHANGE,
        SEND_FAILED,
        SHUTDOWN_EVENT,
        ADAPTATION_INDICATION,
        AUTHENTICATION_EVENT,
        SENDER_DRY,
    ];
    assert_eq!(seen, BTreeSet::from(expected));
}

/// Control messages as recvmsg lays them out: each begins where the alignment of
/// a `size_t` lets it.
fn layout(messages: &[(i32, i32, Vec<u8>)]) -> Vec<u8> {
    let word = size_of::<usize>();
    let mut control = Vec::new();
    for (level, kind, data) in messages {
        control.resize(control.len().next_multiple_of(word), 0);
        control.extend((word + 8 + data.len()).to_ne_bytes());
        control.extend(level.to_ne_bytes());
        control.extend(kind.to_ne_bytes());
        control.extend(data);
    }
    control
}

/// The data of a control message that holds the id, with anything around it.
fn with_id(offset: usize, id: i32) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), offset + 4..offset + 40).prop_map(move |mut data| {
        data[offset..offset + 4].copy_from_slice(&id.to_ne_bytes());
        data
    })
}

fn other() -> impl Strategy<Value = (i32, i32, Vec<u8>)> {
    let other_level = (
        any::<i32>().prop_filter("not SCTP", |l| *l != SOL_SCTP),
        0..9,
    );
    // SCTP_NXTINFO, SCTP_PRINFO and what else may come.
    let other_type = (Just(SOL_SCTP), 4..i32::MAX);
    let kind = prop_oneof![other_level, other_type];
    (kind, vec(any::<u8>(), 0..40)).prop_map(|((level, kind), data)| (level, kind, data))
}

fn ours() -> impl Strategy<Value = (i32, i32, i32, Vec<u8>)> {
    let rcvinfo = offset_of!(libc::sctp_rcvinfo, rcv_assoc_id);
    let sndrcv = offset_of!(libc::sctp_sndrcvinfo, sinfo_assoc_id);
    let kind = prop_oneof![Just((RCVINFO, rcvinfo)), Just((SNDRCV, sndrcv))];
    (any::<i32>(), kind).prop_flat_map(|(id, (kind, offset))| {
        with_id(offset, id).prop_map(move |data| (id, kind, i32::try_from(offset).unwrap(), data))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_id_is_found_wherever_it_stands(
        before in vec(other(), 0..4),
        (id, kind, offset, data) in ours(),
        after in vec(other(), 0..3),
    ) {
        let end_of_id = layout(&before).len().next_multiple_of(size_of::<usize>())
            + size_of::<usize>() + 8 + usize::try_from(offset).unwrap() + 4;
        let mut messages = before.clone();
        messages.push((SOL_SCTP, kind, data));
        messages.extend(after);
        let control = layout(&messages);
        let found = AssocId::from_rcvinfo(&control);
        prop_assert_eq!(found, Some(AssocId::from_raw(id)));
        // Cut anywhere before the id's end, there is none.
        for length in 0..end_of_id {
            prop_assert_eq!(AssocId::from_rcvinfo(&control[..length]), None);
        }
        prop_assert_eq!(AssocId::from_rcvinfo(&layout(&before)), None);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        noise in vec(any::<u8>(), 0..200),
        lengths in vec(prop_oneof![any::<usize>(), 0_usize..64, usize::MAX - 64..=usize::MAX], 1..4),
    ) {
        let _ = (AssocId::from_rcvinfo(&noise), AssocId::from_notification(&noise));
        // Headers that lie about their lengths.
        let lies = lengths.iter().flat_map(|length| {
            let header = [length.to_ne_bytes().to_vec(), layout(&[(132, 9, vec![])])[size_of::<usize>()..].to_vec()];
            header.concat()
        });
        let _ = AssocId::from_rcvinfo(&lies.collect::<Vec<_>>());
    }

    #[test]
    fn a_notification_is_known_by_its_type(
        kind in prop_oneof![any::<u16>(), 0x8000_u16..0x8010],
        mut data in vec(any::<u8>(), 2..200),
    ) {
        data[..2].copy_from_slice(&kind.to_ne_bytes());
        // struct sctp_…, in the order of enum sctp_sn_type.
        let offsets = [16, 144, 44, 12, 8, 12, 12, 16, 8, 8, 8, 8, 28];
        let offset = usize::from(kind).checked_sub(0x8001).and_then(|at| offsets.get(at));
        let id = offset.and_then(|offset| data.get(*offset..*offset + 4));
        let id = id.map(|id| AssocId::from_raw(i32::from_ne_bytes(id.try_into().unwrap())));
        prop_assert_eq!(AssocId::from_notification(&data), id);
    }
}
