//! The server with threads: one for the one-to-many socket, and one for each busy
//! association.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use sctp_peeloff::PeeloffFlags;

use super::inbox::{End, Event};
use super::shared::{Peeled, Shared};

/// How often each thread checks whether to stop. Peeled-off sockets inherit the timeouts.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Serves until `stop` is set. After an error on the one-to-many socket, the function
/// still serves the peeled-off associations until they end.
pub fn serve(socket: &OwnedFd, sporadic: u32, stop: &AtomicBool) -> io::Result<()> {
    set_socket_timeout(socket, Timeout::Recv, Some(TIMEOUT))?;
    set_socket_timeout(socket, Timeout::Send, Some(TIMEOUT))?;
    let mut shared = Shared::new(sporadic, PeeloffFlags::CLOEXEC);
    thread::scope(|scope| {
        while !stop.load(Ordering::Relaxed) {
            let Some(peeled) = unless_timeout(shared.serve_next(socket))?.flatten() else {
                continue;
            };
            let assoc = peeled.assoc;
            let thread = thread::Builder::new().spawn_scoped(scope, move || {
                let end = serve_peeled(peeled, stop);
                println!("association {assoc}: {end:?}");
            });
            // Without a thread the peeled-off socket is closed.
            if let Err(error) = thread {
                println!("association {assoc}: {error}");
            }
        }
        Ok(())
    })
}

/// Echoes until the association ends, or until `stop` is set.
pub fn serve_peeled(peeled: Peeled, stop: &AtomicBool) -> io::Result<Option<End>> {
    // A UdpSocket is not tied to UDP: its `send` is send(2).
    let socket = UdpSocket::from(peeled.socket);
    let (mut inbox, mut unsent) = (peeled.inbox, peeled.unsent);
    while !stop.load(Ordering::Relaxed) {
        if let Some(message) = unsent.take() {
            match unless_timeout(socket.send(&message)) {
                Ok(Some(_)) => {}
                // The peer does not read, so nothing is read from the peer either.
                Ok(None) => {
                    unsent = Some(message);
                    continue;
                }
                // If the association has ended, a notification follows that reports it.
                Err(error) => println!("association {}: {error}", peeled.assoc),
            }
        }
        match unless_timeout(inbox.receive(&socket))? {
            Some(Event::Message(message)) => unsent = Some(message.data),
            Some(Event::Ended(_, end)) => return Ok(Some(end)),
            None => {}
        }
    }
    Ok(None)
}

fn unless_timeout<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
