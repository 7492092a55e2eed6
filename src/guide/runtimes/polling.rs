//! polling: one event for each call to `modify`.

use std::io::{self, ErrorKind};

use polling::{Event, Events, Poller};

use super::echo::Echo;

/// Echoes until the association ends.
pub fn serve(mut echo: Echo) -> io::Result<()> {
    let poller = Poller::new()?;
    let mut events = Events::new();
    // SAFETY: `echo` owns the socket and is not dropped before `delete` is called.
    unsafe { poller.add(&echo.socket, Event::none(0))? };
    let ended = loop {
        match echo.proceed() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            ended => break ended,
        }
        let wanted = match echo.unsent {
            Some(_) => Event::writable(0),
            None => Event::readable(0),
        };
        events.clear();
        let result = poller
            .modify(&echo.socket, wanted)
            .and_then(|()| poller.wait(&mut events, None));
        if let Err(error) = result {
            break Err(error);
        }
    };
    poller.delete(&echo.socket)?;
    ended
}
