//! Binding a port again while a peeled-off socket uses it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{self, SocketType, ipproto::SCTP};

use super::peel;
use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, Family, address, associate};

type Setting = fn(&OwnedFd) -> Result<(), Errno>;

const NONE: Setting = |_| Ok(());
const REUSE_ADDRESS: Setting = |socket| set_socket_reuseaddr(socket, true);
const REUSE_PORT: Setting = |socket| set_socket_reuseport(socket, true);

fn listen(address: SocketAddr, setting: Setting) -> Result<OwnedFd, Errno> {
    let family = match address {
        SocketAddr::V4(_) => Family::V4,
        SocketAddr::V6(_) => Family::V6,
    };
    let socket = net::socket(family.domain(), SocketType::SEQPACKET, Some(SCTP))?;
    setting(&socket)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, 1)?;
    Ok(socket)
}

struct Case {
    before_bind: Setting,
    after_bind: Setting,
    on_peeled: Setting,
    on_new: Setting,
    /// Whether the first socket is closed before the new socket is bound.
    closed: bool,
    expected: Result<(), Errno>,
}

const CASE: Case = Case {
    before_bind: NONE,
    after_bind: NONE,
    on_peeled: NONE,
    on_new: NONE,
    closed: true,
    expected: Err(Errno::ADDRINUSE),
};

const ACCEPTED: Case = Case {
    expected: Ok(()),
    ..CASE
};

const CASES: [Case; 10] = [
    CASE,
    Case {
        on_new: REUSE_ADDRESS,
        ..CASE
    },
    Case {
        before_bind: REUSE_ADDRESS,
        ..CASE
    },
    Case {
        after_bind: REUSE_ADDRESS,
        ..CASE
    },
    Case {
        before_bind: REUSE_ADDRESS,
        on_new: REUSE_ADDRESS,
        closed: false,
        ..CASE
    },
    Case {
        before_bind: REUSE_ADDRESS,
        on_new: REUSE_ADDRESS,
        ..ACCEPTED
    },
    Case {
        after_bind: REUSE_ADDRESS,
        on_new: REUSE_ADDRESS,
        ..ACCEPTED
    },
    Case {
        on_peeled: REUSE_ADDRESS,
        on_new: REUSE_ADDRESS,
        ..ACCEPTED
    },
    Case {
        before_bind: REUSE_PORT,
        on_new: REUSE_PORT,
        ..ACCEPTED
    },
    Case {
        before_bind: REUSE_PORT,
        on_new: REUSE_PORT,
        closed: false,
        ..ACCEPTED
    },
];

#[test]
fn bind_succeeds_despite_a_peeled_off_socket_if_the_address_may_be_reused() {
    for family in FAMILIES {
        for (number, case) in CASES.iter().enumerate() {
            let first = listen(family.loopback(), case.before_bind).unwrap();
            (case.after_bind)(&first).unwrap();
            let address = address(&first);
            let (client, assoc) = associate(family, &first);
            let peeled = peel(&first, assoc);
            (case.on_peeled)(&peeled).unwrap();
            if case.closed {
                drop(first);
            }
            let result = listen(address, case.on_new);
            assert_eq!(
                result.as_ref().map(drop).map_err(|errno| *errno),
                case.expected,
                "case {number}"
            );
            send(&client, &Message::new("still here", 0, 0)).unwrap();
            assert_eq!(receive(&peeled).unwrap().data, b"still here");
        }
    }
}

#[test]
fn bind_fails_after_the_end_of_the_association_until_the_peeled_off_socket_is_closed() {
    let first = listen(Family::V4.loopback(), NONE).unwrap();
    let address = address(&first);
    let (client, assoc) = associate(Family::V4, &first);
    let peeled = peel(&first, assoc);
    drop((first, client));
    super::wait_for_end(&peeled);
    assert_eq!(listen(address, NONE).map(drop), Err(Errno::ADDRINUSE));
    drop(peeled);
    listen(address, NONE).unwrap();
}
