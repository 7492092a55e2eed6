//! The descriptor table of the process is full after the peel-off.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, FdFlags, fcntl_getfd};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};
use sctp_peeloff::{AssocId, Effect, Error, Parked, Peeler, PeeloffFlags, assoc_ids};

use super::{alone_with_peeler, wait_for_end_of_helper_thread, works};
use crate::support::descriptors::{self, Limit, under};
use crate::support::filter::{Call, denied};
use crate::support::message::{Message, expect_end_of_file, receive, send};
use crate::support::system::{FILE_MAX, Sysctl, without_capabilities};
use crate::support::{
    Family, assert_matches, associate, associate_many, associated, process, server,
};

const FLAGS: PeeloffFlags = PeeloffFlags::CLOEXEC;

/// Peels off with a full descriptor table. A seccomp filter disables the check before the
/// peel-off. This simulates another thread that takes the last descriptor after the check.
fn park(peeler: &Peeler, server: &OwnedFd, id: AssocId) -> Parked {
    let error = denied([Call::fcntl(libc::F_DUPFD_CLOEXEC)], libc::EPERM, || {
        let _limit = Limit::none_free();
        peeler.peeloff_flags(server, id, FLAGS).unwrap_err()
    });
    assert_eq!(error.effect(), Effect::PeeledOff);
    assert_eq!(error.errno(), Some(Errno::MFILE));
    assert!(!error.is_temporary());
    assert!(!assoc_ids(server).unwrap().contains(&id));
    undelivered(error)
}

fn undelivered(error: Error) -> Parked {
    match error {
        Error::Undelivered(parked) => parked,
        error => panic!("{error:?}"),
    }
}

#[test]
fn peeler_fails_with_no_descriptor_if_none_is_free() {
    alone_with_peeler(|peeler, server, client, id| {
        for limit in [Limit::none_free, || Limit::soft(0)] {
            let result = under(limit(), || peeler.peeloff(&server, id));
            assert_matches!(result, Err(Error::NoDescriptor(Errno::MFILE)));
        }
        works(&peeler.peeloff(&server, id).unwrap(), &client);
    });
}

#[test]
fn fetch_returns_the_descriptor_once_one_is_free() {
    process::alone(|| {
        let server = server(Family::V4);
        let peeler = Peeler::new().unwrap();
        let before = descriptors::open().len();
        let (client, id) = associate(Family::V4, &server);
        // This message is queued on the one-to-many socket and moves with the association.
        send(&client, &Message::new("early", 0, 0)).unwrap();
        let parked = park(&peeler, &server, id);
        let parked = undelivered(under(Limit::none_free(), || parked.fetch()).unwrap_err());
        let peeled = parked.fetch().unwrap();
        assert_eq!(fcntl_getfd(&peeled).unwrap(), FdFlags::CLOEXEC);
        assert_eq!(receive(&peeled).unwrap().data, b"early");
        works(&peeled, &client);
        drop((peeled, client));
        assert_eq!(descriptors::open().len(), before);
    });
}

#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn fetch_fails_with_undelivered_if_the_request_cannot_be_sent() {
    alone_with_peeler(|peeler, server, client, id| {
        let parked = park(&peeler, &server, id);
        let send = [Call::any(&[libc::SYS_sendmsg])];
        let fetched = denied(send, libc::ENOBUFS, || parked.fetch());
        works(&undelivered(fetched.unwrap_err()).fetch().unwrap(), &client);
    });
}

/// Without a check in the helper thread, the kernel would terminate the association.
#[test]
fn peeler_fails_with_no_descriptor_if_the_table_of_the_helper_thread_is_full() {
    process::alone(|| {
        let server = server(Family::V4);
        let peeler = Peeler::new().unwrap();
        let clients = associate_many(Family::V4, &server, 10);
        let parked: Vec<_> = clients
            .iter()
            .map(|(_, id)| park(&peeler, &server, *id))
            .collect();
        drop(clients);
        let (client, id) = associate(Family::V4, &server);
        // The helper thread has 10 parked descriptors and the channel. The socket of the
        // request takes the last place.
        let result = under(Limit::soft(12), || peeler.peeloff(&server, id));
        assert_matches!(result, Err(Error::NoDescriptor(Errno::MFILE)));
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        works(&peeler.peeloff(&server, id).unwrap(), &client);
        drop(parked);
    });
}

/// Other calls succeed while an association is parked.
#[test]
fn fetch_returns_the_association_of_its_handle() {
    process::alone(|| {
        let server = server(Family::V4);
        let peeler = Peeler::new().unwrap();
        let clients = [(); 3].map(|()| associate(Family::V4, &server));
        let parked = [0, 1].map(|client| park(&peeler, &server, clients[client].1));
        let peeled = peeler.peeloff_flags(&server, clients[2].1, FLAGS).unwrap();
        works(&peeled, &clients[2].0);
        for (parked, (client, id)) in parked.into_iter().zip(&clients).rev() {
            let peeled = parked.fetch().unwrap();
            assert_eq!(assoc_ids(&peeled).unwrap(), [*id]);
            works(&peeled, client);
        }
    });
}

#[test]
fn drop_of_parked_ends_the_association_gracefully() {
    alone_with_peeler(|peeler, server, client, id| {
        drop(park(&peeler, &server, id));
        expect_end_of_file(&client);
        let (client, id) = associate(Family::V4, &server);
        works(&peeler.peeloff(&server, id).unwrap(), &client);
    });
}

/// The helper thread runs until the peeler and all its handles have been dropped.
#[test]
fn fetch_succeeds_after_the_peeler_was_dropped() {
    alone_with_peeler(|peeler, server, client, id| {
        let parked = park(&peeler, &server, id);
        drop(peeler);
        works(&parked.fetch().unwrap(), &client);
        wait_for_end_of_helper_thread();
    });
}

#[test]
fn io_error_keeps_undelivered() {
    alone_with_peeler(|peeler, server, client, id| {
        let error = io::Error::from(Error::Undelivered(park(&peeler, &server, id)));
        let parked = undelivered(error.downcast::<Error>().unwrap());
        works(&parked.fetch().unwrap(), &client);
    });
}

/// Puts so many descriptors in flight that the kernel refuses to send another one. The refusal
/// lasts until the returned sockets and the returned limit are dropped.
fn too_many_in_flight() -> ((OwnedFd, OwnedFd), Limit) {
    let (kind, flags) = (SocketType::STREAM, SocketFlags::CLOEXEC);
    let pair = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
    for _ in 0..100 {
        let fds = [pair.0.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        let data = [io::IoSlice::new(b"x")];
        sendmsg(&pair.0, &data, &mut control, SendFlags::empty()).unwrap();
    }
    (pair, Limit::soft(64))
}

#[test]
fn peeler_fails_with_os_if_the_request_cannot_be_sent() {
    alone_with_peeler(|peeler, server, client, id| {
        let in_flight = too_many_in_flight();
        let error = without_capabilities(|| peeler.peeloff(&server, id).unwrap_err());
        drop(in_flight);
        assert_matches!(error, Error::Os(Errno::TOOMANYREFS));
        works(&peeler.peeloff(&server, id).unwrap(), &client);
    });
}

#[test]
fn peeler_fails_with_undelivered_if_the_reply_cannot_be_sent() {
    process::alone(|| {
        let (server, client, id) = associated(Family::V4);
        let peeler = without_capabilities(|| Peeler::new().unwrap());
        let in_flight = too_many_in_flight();
        let error = peeler.peeloff(&server, id).unwrap_err();
        drop(in_flight);
        works(&undelivered(error).fetch().unwrap(), &client);
    });
}

/// The kernel allocates the file after it has moved the association. Neither a check before
/// the peel-off nor a separate descriptor table can prevent this failure.
#[test]
fn peeler_fails_with_association_lost_at_file_max() {
    process::in_guest(|| {
        let (server, client, id) = associated(Family::V4);
        let peeler = without_capabilities(|| Peeler::new().unwrap());
        let result = under(Sysctl::set(FILE_MAX, "0"), || peeler.peeloff(&server, id));
        assert_matches!(result, Err(Error::AssociationLost(Errno::NFILE)));
        expect_end_of_file(&client);
        let (client, id) = associate(Family::V4, &server);
        works(&peeler.peeloff(&server, id).unwrap(), &client);
    });
}
