//! At the descriptor limit the kernel destroys an association; the guard does not
//! let it come to that.
#![allow(missing_docs)]

mod support;

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags, sockopt};
use support::descriptors::{self, Limit};
use support::message::{Message, receive, send};
use support::{FAMILIES, Family, associate, filter, server, wait_for};

#[test]
fn on_an_old_kernel() {
    let _alone = descriptors::alone();
    filter::rerun_on_old_kernel("on_an_old_kernel");
}

type Peeloff = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Error>;

const WAYS: [Peeloff; 2] = [
    |server, id| peeloff(server, id),
    |server, id| peeloff_flags(server, id, PeeloffFlags::all()),
];

fn works(peeled: &OwnedFd, client: &OwnedFd) {
    send(client, &Message::new("works", 0, 0)).unwrap();
    let got = wait_for("the message", || receive(peeled).ok());
    assert_eq!(got.data, b"works");
}

#[test]
fn with_none_free_the_association_stays() {
    let _alone = descriptors::alone();
    for family in FAMILIES {
        for way in WAYS {
            let server = server(family);
            let (client, id) = associate(family, &server);
            let before = descriptors::open();

            let limit = Limit::none_free();
            let error = way(&server, id).unwrap_err();
            drop(limit);

            assert!(
                matches!(error, Error::NoDescriptor(Errno::MFILE)),
                "{error:?}"
            );
            assert_eq!(descriptors::open(), before);
            send(&client, &Message::new("still here", 0, 0)).unwrap();
            let got = receive(&server).unwrap();
            assert_eq!(
                (got.data.as_slice(), got.assoc),
                (b"still here".as_slice(), id)
            );
            works(&way(&server, id).unwrap(), &client);
        }
    }
}

#[test]
fn a_limit_of_zero_is_one_too() {
    let _alone = descriptors::alone();
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let limit = Limit::soft(0);
    let errors = WAYS.map(|way| way(&server, id).unwrap_err());
    drop(limit);
    for error in errors {
        assert!(
            matches!(error, Error::NoDescriptor(Errno::MFILE)),
            "{error:?}"
        );
    }
    assert_eq!(assoc_ids(&server).unwrap(), [id]);
}

#[test]
fn one_free_is_enough() {
    let _alone = descriptors::alone();
    for way in WAYS {
        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        let mut limit = Limit::none_free();
        limit.free_one();
        let peeled = way(&server, id).unwrap();
        drop(limit);
        works(&peeled, &client);
    }
}

#[test]
fn the_bare_calls_lose_it_as_documented() {
    type Bare = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Errno>;
    let _alone = descriptors::alone();
    let bare: [Bare; 2] = [
        |server, id| sockopt::peeloff(server.as_fd(), id),
        |server, id| sockopt::peeloff_flags(server.as_fd(), id, PeeloffFlags::CLOEXEC),
    ];
    let bare = if filter::on_old_kernel() {
        &bare[..1]
    } else {
        &bare
    };
    for call in bare {
        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        let limit = Limit::none_free();
        let answer = call(&server, id);
        drop(limit);
        assert_eq!(answer.map(|_| ()), Err(Errno::MFILE));
        assert_eq!(assoc_ids(&server).unwrap(), []);
        // The peer sees it end.
        assert_eq!(receive(&client).map(|message| message.data), Ok(vec![]));
    }
}

/// What keeps a number from the guard would keep it from the peel-off. A filter stands
/// for the kernel that cannot make the table of descriptors longer.
#[test]
fn without_memory_for_a_number_the_association_stays() {
    let _alone = descriptors::alone();
    for way in WAYS {
        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        let error = std::thread::scope(|scope| {
            let without = scope.spawn(|| {
                filter::deny([filter::Call::fcntl(libc::F_DUPFD_CLOEXEC)], libc::ENOMEM);
                way(&server, id).unwrap_err()
            });
            without.join().unwrap()
        });
        assert!(matches!(error, Error::Os(Errno::NOMEM)), "{error:?}");
        works(&way(&server, id).unwrap(), &client);
    }
}

/// A filter that answers the guard's question leaves only the kernel's own word,
/// and what it did with the association.
#[test]
fn past_the_guard_the_loss_is_told() {
    let _alone = descriptors::alone();
    for way in WAYS {
        let server = server(Family::V4);
        let (_client, id) = associate(Family::V4, &server);
        let error = std::thread::scope(|scope| {
            let past = scope.spawn(|| {
                filter::deny([filter::Call::fcntl(libc::F_DUPFD_CLOEXEC)], libc::EPERM);
                let limit = Limit::none_free();
                let error = way(&server, id).unwrap_err();
                drop(limit);
                error
            });
            past.join().unwrap()
        });
        assert!(
            matches!(error, Error::AssociationLost(Errno::MFILE)),
            "{error:?}"
        );
        wait_for("the list to be empty", || {
            assoc_ids(&server).unwrap().is_empty().then_some(())
        });
    }
}
