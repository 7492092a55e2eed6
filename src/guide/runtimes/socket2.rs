//! socket2: a thread with a read timeout, for a socket without event subscriptions.

use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::Socket;

/// Echoes until the association ends.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    let mut socket = Socket::from(socket);
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut buffer = vec![0; 65_536];
    loop {
        match socket.read(&mut buffer) {
            Ok(length) => {
                socket.send(&buffer[..length])?;
            }
            // The timeout has expired. The thread can do other work here.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // ENOTCONN: the association has ended gracefully.
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
