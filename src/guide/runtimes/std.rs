//! The standard library: a thread for a socket without event subscriptions.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

/// Echoes until the association ends.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    // A UdpSocket is not tied to UDP: `recv` and `send` are the system calls.
    let socket = UdpSocket::from(socket);
    let mut buffer = vec![0; 65_536];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => socket.send(&buffer[..length])?,
            // ENOTCONN: the association has ended gracefully.
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error),
        };
    }
}
