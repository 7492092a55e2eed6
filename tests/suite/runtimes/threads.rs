//! The standard library: a thread that reads and writes.

use super::harness::{Runtime, tests};

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

/// Echoes until the association ends. Not for a socket with event subscriptions:
/// recv(2) does not tell notifications from messages.
fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    // recv(2) and send(2), a message each, is all that a UdpSocket does here.
    let peeled = UdpSocket::from(peeloff_flags(server, id, PeeloffFlags::CLOEXEC)?);
    let mut buffer = vec![0; 65536];
    loop {
        match peeled.recv(&mut buffer) {
            Ok(length) => {
                peeled.send(&buffer[..length])?;
            }
            // ENOTCONN: a graceful end.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

tests!(Runtime {
    subscribed: false,
    blocking: true,
    longest: 60_000,
    serve: |server, id| serve(server, id),
});
