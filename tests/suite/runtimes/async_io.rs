//! async-io, which smol builds on: `Async`.

use super::harness::{Runtime, tests};
use super::inbox::{Inbox, send};

use std::io;
use std::os::fd::AsFd;

use async_io::Async;
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

/// Echoes until the association ends.
async fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let peeled = Async::new_nonblocking(peeloff_flags(server, id, flags)?)?;
    let mut inbox = Inbox::default();
    while let Some(message) = peeled.read_with(|fd| inbox.receive(fd)).await? {
        peeled.write_with(|fd| send(fd, &message)).await?;
    }
    Ok(())
}

tests!(Runtime {
    subscribed: true,
    blocking: false,
    longest: 150_000,
    serve: |server, id| async_io::block_on(serve(server, id)),
});
