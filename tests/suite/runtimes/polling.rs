//! polling: one readiness for each time it is asked for.
#![allow(unsafe_code, reason = "polling leaves it to its user to call delete")]

use super::echo::Echo;
use super::harness::{Runtime, tests};

use std::io;
use std::os::fd::AsFd;

use polling::{Event, Events, Poller};
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

/// Echoes until the association ends.
fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let mut echo = Echo::new(peeloff_flags(server, id, flags)?);
    let poller = Poller::new()?;
    let mut events = Events::new();
    // SAFETY: the descriptor lives until after delete.
    unsafe { poller.add(&echo.peeled, Event::none(0))? };
    let ended = loop {
        match echo.proceed() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            ended => break ended,
        }
        let wanted = match echo.unsent {
            Some(_) => Event::writable(0),
            None => Event::readable(0),
        };
        poller.modify(&echo.peeled, wanted)?;
        events.clear();
        poller.wait(&mut events, None)?;
    };
    poller.delete(&echo.peeled)?;
    ended
}

tests!(Runtime {
    subscribed: true,
    blocking: false,
    longest: 150_000,
    serve: |server, id| serve(server, id),
});
