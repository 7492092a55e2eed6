//! async-io, which smol uses.

use std::io;
use std::os::fd::OwnedFd;

use async_io::Async;
use rustix::net::{SendFlags, send};

use super::inbox::{Event, Inbox};

/// Echoes until the association ends.
pub async fn serve(socket: OwnedFd, mut inbox: Inbox) -> io::Result<()> {
    let socket = Async::new_nonblocking(socket)?;
    while let Event::Message(message) = socket.read_with(|fd| inbox.receive(fd)).await? {
        socket
            .write_with(|fd| Ok(send(fd, &message.data, SendFlags::NOSIGNAL)?))
            .await?;
    }
    Ok(())
}
