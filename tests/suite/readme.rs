//! README's example, as it stands there.

use std::error::Error;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use crate::support::message::receive;
use crate::support::{Family, address, associate, server};

#[rustfmt::skip]
#[allow(clippy::needless_borrows_for_generic_args, reason = "owned in README, borrowed here")]
fn example(server: &OwnedFd, peer: SocketAddr) -> Result<OwnedFd, Box<dyn Error>> {
    // README:
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, peeloff_flags};

let id = assoc_id_of_peer(&server, peer)?;
let peeled = peeloff_flags(&server, id, PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC)?;
rustix::net::send(&peeled, b"to you alone", rustix::net::SendFlags::empty())?;
    // :README
    Ok(peeled)
}

/// What stands between the two.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect("its start");
    rest.split_once(end).expect("its end").0
}

#[test]
fn readme_shows_this_example() {
    let own = between(include_str!("readme.rs"), "// README:\n", "    // :README");
    let readme = between(include_str!("../../README.md"), "```rust\n", "```");
    assert_eq!(own, readme);
}

#[test]
fn readme_example_works() {
    let server = server(Family::V4);
    let (client, _) = associate(Family::V4, &server);
    let _peeled = example(&server, address(&client)).unwrap();
    assert_eq!(receive(&client).unwrap().data, b"to you alone");
}
