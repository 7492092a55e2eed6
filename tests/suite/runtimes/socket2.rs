//! socket2: a thread that reads with a time limit, and writes.

use super::harness::{Runtime, tests};

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};
use socket2::Socket;

/// Echoes until the association ends. Not for a socket with event subscriptions:
/// read(2) does not tell notifications from messages.
fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let mut peeled = Socket::from(peeloff_flags(server, id, PeeloffFlags::CLOEXEC)?);
    peeled.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut buffer = vec![0; 65536];
    loop {
        match peeled.read(&mut buffer) {
            Ok(length) => {
                peeled.send_with_flags(&buffer[..length], libc::MSG_NOSIGNAL)?;
            }
            // Nothing came in time.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
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
