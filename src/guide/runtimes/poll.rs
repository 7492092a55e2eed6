//! poll(2), through rustix: level-triggered readiness.

use std::io::{self, ErrorKind};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use super::echo::Echo;

/// Echoes until the association ends.
pub fn serve(mut echo: Echo) -> io::Result<()> {
    loop {
        match echo.proceed() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            ended => return ended,
        }
        // A socket is nearly always writable. A loop that always waits for OUT would spin.
        let wanted = match echo.unsent {
            Some(_) => PollFlags::OUT,
            None => PollFlags::IN,
        };
        retry_on_intr(|| poll(&mut [PollFd::new(&echo.socket, wanted)], None))?;
    }
}
