//! Binding a port again while a peeled-off socket uses it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{self, SocketType, ipproto::SCTP};

use super::peel;
use crate::support::message::passes;
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

/// The settings before the first bind, after it, on the peeled-off socket and on the new socket.
type Settings = [Setting; 4];

/// The settings, whether the first socket is closed before the new socket is bound, and whether
/// the bind succeeds.
const CASES: [(Settings, bool, bool); 10] = [
    ([NONE, NONE, NONE, NONE], true, false),
    ([NONE, NONE, NONE, REUSE_ADDRESS], true, false),
    ([REUSE_ADDRESS, NONE, NONE, NONE], true, false),
    ([NONE, REUSE_ADDRESS, NONE, NONE], true, false),
    ([REUSE_ADDRESS, NONE, NONE, REUSE_ADDRESS], false, false),
    ([REUSE_ADDRESS, NONE, NONE, REUSE_ADDRESS], true, true),
    ([NONE, REUSE_ADDRESS, NONE, REUSE_ADDRESS], true, true),
    ([NONE, NONE, REUSE_ADDRESS, REUSE_ADDRESS], true, true),
    ([REUSE_PORT, NONE, NONE, REUSE_PORT], true, true),
    ([REUSE_PORT, NONE, NONE, REUSE_PORT], false, true),
];

#[test]
fn bind_succeeds_despite_a_peeled_off_socket_if_the_address_may_be_reused() {
    for family in FAMILIES {
        for (number, (settings, is_closed, succeeds)) in CASES.into_iter().enumerate() {
            let [before_bind, after_bind, on_peeled, on_new] = settings;
            let first = listen(family.loopback(), before_bind).unwrap();
            after_bind(&first).unwrap();
            let address = address(&first);
            let (client, assoc) = associate(family, &first);
            let peeled = peel(&first, assoc);
            on_peeled(&peeled).unwrap();
            if is_closed {
                drop(first);
            }
            let new = listen(address, on_new);
            let errno = new.as_ref().err().copied();
            let expected = (!succeeds).then_some(Errno::ADDRINUSE);
            assert_eq!(errno, expected, "case {number}");
            passes(&client, &peeled, "still here");
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
