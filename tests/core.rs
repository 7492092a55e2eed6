//! What must hold on every processor, in one program with few needs: a kernel with
//! SCTP and IPv6, /proc and /dev/null.
#![allow(missing_docs)]

mod support;

use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, FdFlags, fcntl_getfd};
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, Support, assoc_id_of_peer, assoc_ids, kernel_support, peeloff,
    peeloff_flags, sockopt,
};
use support::descriptors::{self, Limit};
use support::message::{Message, receive, send};
use support::{FAMILIES, Family, address, associate, associate_many, filter, others, server};

/// All other tests once more, on a kernel without the flags option.
///
/// Not on i386 and s390x: there the option's number goes into the kernel behind
/// socketcall's pointer (on s390x it is the C library that does so), and a filter
/// cannot follow a pointer.
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn on_an_old_kernel() {
    let _alone = descriptors::alone();
    filter::rerun_on_old_kernel("on_an_old_kernel");
}

fn read_back(socket: &OwnedFd) -> PeeloffFlags {
    let mut flags = PeeloffFlags::empty();
    let nonblock = fcntl_getfl(socket).unwrap().contains(OFlags::NONBLOCK);
    flags.set(PeeloffFlags::NONBLOCK, nonblock);
    let cloexec = fcntl_getfd(socket).unwrap().contains(FdFlags::CLOEXEC);
    flags.set(PeeloffFlags::CLOEXEC, cloexec);
    flags
}

fn carries(from: &OwnedFd, to: &OwnedFd, data: &str) {
    send(from, &Message::new(data, 1, 0x0102_0304)).unwrap();
    let message = receive(to).unwrap();
    assert_eq!(message.data, data.as_bytes());
    assert_eq!((message.stream, message.ppid), (1, 0x0102_0304));
}

#[test]
fn support_is_told() {
    let _alone = descriptors::alone();
    let support = if filter::on_old_kernel() {
        Support::Plain
    } else {
        Support::Flags
    };
    for family in FAMILIES {
        assert_eq!(kernel_support(server(family)).unwrap(), support);
    }
}

#[test]
fn a_peeled_off_descriptor_carries_messages() {
    let _alone = descriptors::alone();
    for family in FAMILIES {
        let server = server(family);
        let (client, id) = associate(family, &server);
        carries(&client, &server, "before");
        send(&client, &Message::new("queued", 1, 7)).unwrap();
        let peeled = peeloff(&server, id).unwrap();
        assert_eq!(receive(&peeled).unwrap().data, b"queued");
        carries(&client, &peeled, "there");
        carries(&peeled, &client, "and back");
    }
}

#[test]
fn flags_are_read_back() {
    let _alone = descriptors::alone();
    for family in FAMILIES {
        let server = server(family);
        // What the socket itself has is not inherited.
        rustix::io::ioctl_fionbio(&server, true).unwrap();
        for flags in [
            PeeloffFlags::empty(),
            PeeloffFlags::NONBLOCK,
            PeeloffFlags::CLOEXEC,
            PeeloffFlags::all(),
        ] {
            let (client, id) = associate(family, &server);
            let peeled = peeloff_flags(&server, id, flags).unwrap();
            assert_eq!(read_back(&peeled), flags);
            if flags.contains(PeeloffFlags::NONBLOCK) {
                assert_eq!(receive(&peeled), Err(Errno::AGAIN));
            }
            carries(&peeled, &client, "works");
        }
        let (_client, id) = associate(family, &server);
        let peeled = peeloff(&server, id).unwrap();
        assert_eq!(read_back(&peeled), PeeloffFlags::empty());
    }
}

#[test]
fn ids_and_peers() {
    let _alone = descriptors::alone();
    for family in FAMILIES {
        let server = server(family);
        assert_eq!(assoc_ids(&server).unwrap(), []);
        let clients = associate_many(family, &server, 20);
        let mut ids: Vec<_> = clients.iter().map(|(_, id)| *id).collect();
        let mut listed = assoc_ids(&server).unwrap();
        ids.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, ids);
        assert_eq!(sockopt::assoc_number(server.as_fd()), Ok(20));
        for (client, id) in &clients {
            let peer = address(client);
            assert_eq!(assoc_id_of_peer(&server, peer).unwrap(), *id);
            let peeled = peeloff(&server, *id).unwrap();
            assert_eq!(assoc_ids(&peeled).unwrap(), [*id]);
            carries(client, &peeled, "the right one");
        }
        assert_eq!(assoc_ids(&server).unwrap(), []);
    }
}

#[test]
fn with_no_descriptor_free_the_association_survives() {
    let _alone = descriptors::alone();
    for family in FAMILIES {
        let server = server(family);
        let (client, id) = associate(family, &server);
        let limit = Limit::none_free();
        let plain = peeloff(&server, id).unwrap_err();
        let flags = peeloff_flags(&server, id, PeeloffFlags::all()).unwrap_err();
        drop(limit);
        for error in [plain, flags] {
            let errno = Errno::MFILE;
            assert!(
                matches!(error, Error::NoDescriptor(said) if said == errno),
                "{error:?}"
            );
        }
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        carries(&client, &server, "survives");
        carries(&client, &peeloff(&server, id).unwrap(), "and peels off");
    }
}

fn refused(socket: impl AsFd, id: AssocId, variant: fn(&Error) -> bool, errno: Errno) {
    let socket = socket.as_fd();
    let before = descriptors::open();
    for error in [
        peeloff(socket, id).unwrap_err(),
        peeloff_flags(socket, id, PeeloffFlags::all()).unwrap_err(),
    ] {
        assert!(variant(&error), "{error:?}");
        assert_eq!(error.errno(), Some(errno));
        let error = std::io::Error::from(error);
        assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
    }
    assert_eq!(descriptors::open(), before);
}

#[test]
fn sctp_sockets_with_nothing_to_peel_off() {
    let _alone = descriptors::alone();
    for family in FAMILIES {
        let server = server(family);
        let (client, id) = associate(family, &server);
        let next = AssocId::from_raw(id.as_raw() + 1000);
        let none = |error: &Error| matches!(error, Error::NoSuchAssociation(_));
        refused(&server, next, none, Errno::INVAL);
        let one_to_one = |error: &Error| matches!(error, Error::NotOneToMany);
        refused(&client, id, one_to_one, Errno::INVAL);
        assert!(matches!(assoc_ids(&client), Err(Error::NotOneToMany)));

        let mut nobody = address(&client);
        nobody.set_port(nobody.port() ^ 1);
        let error = assoc_id_of_peer(&server, nobody).unwrap_err();
        assert!(
            matches!(error, Error::NoSuchPeer(peer) if peer == nobody),
            "{error:?}"
        );

        let peeled = peeloff(&server, id).unwrap();
        refused(&server, id, none, Errno::INVAL);
        let peeled_already = |error: &Error| matches!(error, Error::NotPeelable);
        refused(&peeled, id, peeled_already, Errno::INVAL);
        carries(&client, &peeled, "untouched");
    }
}

#[test]
fn descriptors_of_something_else() {
    let _alone = descriptors::alone();
    let id = AssocId::from_raw(3);
    for family in FAMILIES {
        let tcp = TcpListener::bind(family.loopback()).unwrap();
        let not_sctp = |error: &Error| matches!(error, Error::NotSctp);
        refused(&tcp, id, not_sctp, Errno::OPNOTSUPP);
        assert!(matches!(assoc_ids(&tcp), Err(Error::NotSctp)));
        assert!(matches!(kernel_support(&tcp), Err(Error::NotSctp)));
    }
    let not_socket = |error: &Error| matches!(error, Error::NotSocket);
    refused(others::file(), id, not_socket, Errno::NOTSOCK);
    let bad = |error: &Error| matches!(error, Error::BadDescriptor);
    refused(others::path(), id, bad, Errno::BADF);
    refused(others::closed(), id, bad, Errno::BADF);
}

#[test]
fn unknown_flags() {
    let _alone = descriptors::alone();
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    let unknown = PeeloffFlags::from_bits_retain(1);
    let error = peeloff_flags(&server, id, unknown | PeeloffFlags::CLOEXEC).unwrap_err();
    assert!(
        matches!(error, Error::UnknownFlags(flags) if flags == unknown),
        "{error:?}"
    );
    carries(
        &client,
        &peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap(),
        "untouched",
    );
}
