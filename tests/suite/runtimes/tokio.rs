//! tokio: `AsyncFd`.
#![allow(
    unsafe_code,
    reason = "tokio leaves it to its user to keep the descriptor"
)]

use super::harness::{Runtime, tests};
use super::inbox::{Inbox, send};

use std::io;
use std::os::fd::AsFd;

use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Echoes until the association ends.
async fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    // SAFETY: an OwnedFd keeps its descriptor as long as the AsyncFd keeps it.
    let peeled = unsafe { AsyncFd::register(peeloff_flags(server, id, flags)?)? };
    let mut inbox = Inbox::default();
    // async_io calls at once, and waits for an edge only after EAGAIN.
    while let Some(message) = peeled
        .async_io(Interest::READABLE, |fd| inbox.receive(fd))
        .await?
    {
        peeled
            .async_io(Interest::WRITABLE, |fd| send(fd, &message))
            .await?;
    }
    Ok(())
}

tests!(Runtime {
    subscribed: true,
    blocking: false,
    longest: 150_000,
    serve: |server, id| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(serve(server, id))
    },
});
