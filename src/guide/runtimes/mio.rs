//! mio: edge-triggered readiness.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::echo::Echo;

/// Echoes until the association ends.
pub fn serve(mut echo: Echo) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(16);
    poll.registry().register(
        &mut SourceFd(&echo.socket.as_raw_fd()),
        Token(0),
        Interest::READABLE | Interest::WRITABLE,
    )?;
    loop {
        // An edge is reported once, so continue until WouldBlock after each event.
        match echo.proceed() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            ended => return ended,
        }
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}
