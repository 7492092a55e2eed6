//! The delivery of messages after a peel-off.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sctp_peeloff::{PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::message::{Message, expect_end_of_file, passes, receive, send};
use crate::support::{FAMILIES, Family, associate, associate_many, associated, server};

/// A message whose text and PPID are different for each number and each peer. The stream
/// depends on the number.
fn numbered(direction: &str, peer: usize, number: u16) -> Message {
    let ppid = u32::try_from(peer).unwrap() << 16 | u32::from(number);
    Message::new(format!("{direction} {peer} {number}"), number % 10, ppid)
}

fn same(got: &Message, sent: &Message) -> bool {
    (&got.data, got.stream, got.ppid) == (&sent.data, sent.stream, sent.ppid)
}

fn converse(peeled: &OwnedFd, client: &OwnedFd, peer: usize) {
    for number in 0..20 {
        for (direction, from, to) in [("request", client, peeled), ("reply", peeled, client)] {
            let sent = numbered(direction, peer, number);
            send(from, &sent).unwrap();
            let got = receive(to).unwrap();
            assert!(same(&got, &sent), "{got:?} is not {sent:?}");
        }
    }
}

fn ten_peeled_off(family: Family) {
    let server = server(family);
    let clients = associate_many(family, &server, 10);
    let peeled: Vec<_> = clients
        .iter()
        .map(|(_, id)| peeloff_flags(&server, *id, PeeloffFlags::CLOEXEC).unwrap())
        .collect();
    assert_eq!(assoc_ids(&server).unwrap(), []);
    // All clients send before the first read. The test thus detects a message on the wrong
    // descriptor.
    for (peer, (client, _)) in clients.iter().enumerate() {
        send(client, &numbered("first", peer, 1)).unwrap();
    }
    for (peer, peeled) in peeled.iter().enumerate() {
        assert!(same(&receive(peeled).unwrap(), &numbered("first", peer, 1)));
    }
    for (peer, (peeled, (client, id))) in peeled.iter().zip(&clients).enumerate() {
        assert_eq!(assoc_ids(peeled).unwrap(), [*id]);
        converse(peeled, client, peer);
    }
}

#[test]
fn peeloff_flags_separates_ten_associations_over_ipv4() {
    ten_peeled_off(Family::V4);
}

#[test]
fn peeloff_flags_separates_ten_associations_over_ipv6() {
    ten_peeled_off(Family::V6);
}

#[test]
fn peeloff_flags_moves_queued_messages() {
    for family in FAMILIES {
        let (server, busy, id) = associated(family);
        let (other, other_id) = associate(family, &server);
        for number in 0..50 {
            send(&busy, &numbered("busy", 1, number)).unwrap();
            send(&other, &numbered("other", 2, number)).unwrap();
        }
        let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
        for number in 0..50 {
            let got = receive(&peeled).unwrap();
            assert!(same(&got, &numbered("busy", 1, number)), "{got:?}");
            let got = receive(&server).unwrap();
            assert!(same(&got, &numbered("other", 2, number)), "{got:?}");
            assert_eq!(got.assoc, other_id);
        }
        converse(&peeled, &busy, 1);
    }
}

#[test]
fn peeloff_does_not_affect_other_associations() {
    for family in FAMILIES {
        let (server, stays, stays_id) = associated(family);
        let (busy, id) = associate(family, &server);
        let peeled = peeloff(&server, id).unwrap();
        assert_eq!(assoc_ids(&server).unwrap(), [stays_id]);
        let request = numbered("request", 0, 1);
        send(&stays, &request).unwrap();
        let got = receive(&server).unwrap();
        assert!(same(&got, &request) && got.assoc == stays_id);
        let reply = numbered("reply", 0, 2);
        send(&server, &reply.clone().to(stays_id)).unwrap();
        assert!(same(&receive(&stays).unwrap(), &reply));

        drop(server);
        converse(&peeled, &busy, 1);
        // The close of the one-to-many socket has ended the other association gracefully.
        expect_end_of_file(&stays);
    }
}

#[test]
fn send_fails_with_epipe_for_peeled_off_id() {
    let (server, client, id) = associated(Family::V4);
    let peeled = peeloff(&server, id).unwrap();
    let message = Message::new("lost?", 0, 0).to(id);
    assert_eq!(send(&server, &message), Err(Errno::PIPE));
    passes(&peeled, &client, "found");
}
