//! Where messages go after a peel-off.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sctp_peeloff::{AssocId, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, Family, associate, associate_many, server};

/// Stream and PPID differ from message to message, and from peer to peer.
fn numbered(direction: &str, peer: usize, number: u16) -> Message {
    let ppid = u32::try_from(peer).unwrap() << 16 | u32::from(number);
    Message::new(format!("{direction} {peer} {number}"), number % 10, ppid)
}

fn same(got: &Message, sent: &Message) -> bool {
    (&got.data, got.stream, got.ppid) == (&sent.data, sent.stream, sent.ppid)
}

fn converse(peeled: &OwnedFd, client: &OwnedFd, peer: usize) {
    for number in 0..20 {
        let request = numbered("request", peer, number);
        send(client, &request).unwrap();
        let got = receive(peeled).unwrap();
        assert!(same(&got, &request), "{got:?} is not {request:?}");
        let reply = numbered("reply", peer, number);
        send(peeled, &reply).unwrap();
        let got = receive(client).unwrap();
        assert!(same(&got, &reply), "{got:?} is not {reply:?}");
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
    // All send first, so that a message on the wrong descriptor is seen.
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
        let server = server(family);
        let (busy, id) = associate(family, &server);
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
fn peeloff_leaves_the_other_associations() {
    for family in FAMILIES {
        let server = server(family);
        let (stays, stays_id) = associate(family, &server);
        let (busy, id) = associate(family, &server);
        let peeled = peeloff(&server, id).unwrap();
        assert_eq!(assoc_ids(&server).unwrap(), [stays_id]);
        let question = numbered("question", 0, 1);
        send(&stays, &question).unwrap();
        let got = receive(&server).unwrap();
        assert!(same(&got, &question) && got.assoc == stays_id);
        let answer = numbered("answer", 0, 2);
        send(&server, &answer.clone().to(stays_id)).unwrap();
        assert!(same(&receive(&stays).unwrap(), &answer));

        drop(server);
        converse(&peeled, &busy, 1);
        // Those that stayed went with it: a graceful end, seen as such.
        assert_eq!(receive(&stays).map(|message| message.data), Ok(vec![]));
    }
}

#[test]
fn send_fails_with_epipe_for_peeled_off_id() {
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let peeled = peeloff(&server, id).unwrap();
    let message = Message::new("lost?", 0, 0).to(id);
    assert_eq!(send(&server, &message), Err(Errno::PIPE));
    send(
        &peeled,
        &Message::new("found", 0, 0).to(AssocId::from_raw(0)),
    )
    .unwrap();
    assert_eq!(receive(&client).unwrap().data, b"found");
}
