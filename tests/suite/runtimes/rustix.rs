//! rustix: poll(2), which is level-triggered.

use super::echo::Echo;
use super::harness::{Runtime, tests};

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

/// Echoes until the association ends.
fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let mut echo = Echo::new(peeloff_flags(server, id, flags)?);
    loop {
        match echo.proceed() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            ended => return ended,
        }
        // A socket is nearly always writable: whoever always asks for that, spins.
        let wanted = match echo.unsent {
            Some(_) => PollFlags::OUT,
            None => PollFlags::IN,
        };
        retry_on_intr(|| poll(&mut [PollFd::new(&echo.peeled, wanted)], None))?;
    }
}

tests!(Runtime {
    subscribed: true,
    blocking: false,
    longest: 150_000,
    serve: |server, id| serve(server, id),
});
