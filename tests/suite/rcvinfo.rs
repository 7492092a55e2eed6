//! `RcvInfo` from control messages of the kernel, and from random bytes.

use std::mem::offset_of;

use proptest::collection::vec;
use proptest::prelude::*;
use sctp_peeloff::RcvInfo;
use sctp_peeloff::sockopt::SOL_SCTP;

use crate::support::message::{Message, deliver, send};
use crate::support::option::{SCTP_EVENTS, SCTP_NODELAY, SCTP_RECVRCVINFO, set, set_words};
use crate::support::{FAMILIES, associate_many, server};

const SNDRCV: i32 = 1;
const RCVINFO: i32 = 3;

#[test]
fn from_control_reads_what_the_kernel_writes() {
    for family in FAMILIES {
        let server = server(family);
        let clients = associate_many(family, &server, 3);
        for (client, _) in &clients {
            set_words(client, SCTP_NODELAY, &[1]);
        }
        // The kernel writes sctp_rcvinfo, sctp_sndrcvinfo, both, or neither.
        for (info, event) in [(1, 0), (0, 1), (1, 1), (0, 0)] {
            set_words(&server, SCTP_RECVRCVINFO, &[info]);
            set(&server, SOL_SCTP, SCTP_EVENTS, &[event]).unwrap();
            for (client, id) in &clients {
                send(client, &Message::new("whose?", 3, 4)).unwrap();
                let got = deliver(&server, 64, 256).unwrap();
                let found = RcvInfo::from_control(&got.control, got.controllen);
                let found = found.map(|found| (found.assoc, found.stream, found.ppid));
                let expected = (info == 1 || event == 1).then_some((*id, 3, 4));
                assert_eq!(found, expected, "{:?}", got.control);
            }
        }
        // The buffer has room for only a part of the control message.
        set_words(&server, SCTP_RECVRCVINFO, &[1]);
        let full = size_of::<usize>() + 8 + 28;
        for room in 0..full {
            send(&clients[0].0, &Message::new("whose?", 3, 4)).unwrap();
            let got = deliver(&server, 64, room).unwrap();
            assert_eq!(RcvInfo::from_control(&got.control, got.controllen), None);
        }
    }
}

/// Control messages in the layout of recvmsg(2). The offset of each is a multiple of the size
/// of `size_t`.
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

fn other() -> impl Strategy<Value = (i32, i32, Vec<u8>)> {
    let other_level = any::<i32>().prop_filter("not SCTP", |level| *level != SOL_SCTP);
    // SCTP_NXTINFO, SCTP_PRINFO and future types.
    let other_type = (Just(SOL_SCTP), 4..i32::MAX);
    let kind = prop_oneof![(other_level, 0..9), other_type];
    (kind, vec(any::<u8>(), 0..40)).prop_map(|((level, kind), data)| (level, kind, data))
}

/// The type of a control message, the offset of the association id, and the data.
fn ours() -> impl Strategy<Value = (i32, usize, Vec<u8>)> {
    let rcvinfo = offset_of!(libc::sctp_rcvinfo, rcv_assoc_id);
    let sndrcv = offset_of!(libc::sctp_sndrcvinfo, sinfo_assoc_id);
    let kind = prop_oneof![Just((RCVINFO, rcvinfo)), Just((SNDRCV, sndrcv))];
    kind.prop_flat_map(|(kind, id)| {
        vec(any::<u8>(), id + 4..id + 40).prop_map(move |data| (kind, id, data))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn from_control_finds_the_struct_among_others(
        before in vec(other(), 0..4),
        (kind, id, data) in ours(),
        after in vec(other(), 0..3),
    ) {
        let start = layout(&before).len().next_multiple_of(size_of::<usize>());
        let end = start + size_of::<usize>() + 8 + id + 4;
        let mut messages = before.clone();
        messages.push((SOL_SCTP, kind, data.clone()));
        messages.extend(after);
        let control = layout(&messages);
        let found = RcvInfo::from_control(&control, control.len()).unwrap();
        let half = |at: usize| u16::from_ne_bytes(data[at..at + 2].try_into().unwrap());
        let word = |at: usize| u32::from_ne_bytes(data[at..at + 4].try_into().unwrap());
        let [tsn, cumtsn, context] = if kind == RCVINFO {
            [12, 16, 20]
        } else {
            [20, 24, 12]
        };
        prop_assert_eq!(found.assoc.as_raw().cast_unsigned(), word(id));
        prop_assert_eq!((found.stream, found.ssn, found.flags), (half(0), half(2), half(4)));
        prop_assert_eq!((found.ppid, found.tsn), (word(8), word(tsn)));
        prop_assert_eq!((found.cumtsn, found.context), (word(cumtsn), word(context)));
        prop_assert_eq!(RcvInfo::from_control(&control, control.len() + 1), None);
        // If the control messages end before the end of the id, `from_control` returns `None`. The
        // bytes after `controllen` may be from an earlier call.
        for length in 0..end {
            prop_assert_eq!(RcvInfo::from_control(&control, length), None);
            prop_assert_eq!(RcvInfo::from_control(&control[..length], length), None);
        }
        let before = layout(&before);
        prop_assert_eq!(RcvInfo::from_control(&before, before.len()), None);
    }

    #[test]
    fn from_control_reads_any_bytes_without_a_panic(
        noise in vec(any::<u8>(), 0..200),
        lengths in vec(prop_oneof![any::<usize>(), 0_usize..64, usize::MAX - 64..=usize::MAX], 1..4),
        controllen in prop_oneof![any::<usize>(), 0_usize..300],
    ) {
        let _ = RcvInfo::from_control(&noise, controllen);
        let _ = RcvInfo::from_control(&noise, noise.len());
        // Headers whose lengths are wrong.
        let header = &layout(&[(SOL_SCTP, 9, vec![])])[size_of::<usize>()..];
        let lies = lengths.iter().flat_map(|length| [&length.to_ne_bytes(), header].concat());
        let lies: Vec<_> = lies.collect();
        let _ = RcvInfo::from_control(&lies, lies.len());
    }
}
