//! mio: edge-triggered readiness.

use super::echo::Echo;
use super::harness::{Runtime, tests};

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

/// Echoes until the association ends.
fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let mut echo = Echo::new(peeloff_flags(server, id, flags)?);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(16);
    poll.registry().register(
        &mut SourceFd(&echo.peeled.as_raw_fd()),
        Token(0),
        Interest::READABLE | Interest::WRITABLE,
    )?;
    loop {
        // An edge comes once: whatever it was, on until EAGAIN.
        match echo.proceed() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            ended => return ended,
        }
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

tests!(Runtime {
    subscribed: true,
    blocking: false,
    longest: 150_000,
    serve: |server, id| serve(server, id),
});
