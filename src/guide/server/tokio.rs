//! The server with tokio: one task for the one-to-many socket, and one for each busy
//! association.

use std::io;
use std::net::UdpSocket as StdSocket;
use std::os::fd::OwnedFd;

use sctp_peeloff::PeeloffFlags;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::inbox::{End, Event};
use super::shared::{Peeled, Shared};

/// Serves until an error or until the caller drops the future. The socket is
/// non-blocking.
pub async fn serve(socket: OwnedFd, sporadic: u32) -> io::Result<()> {
    // A UdpSocket is not tied to UDP: tokio waits for the descriptor's readiness.
    let socket = UdpSocket::from_std(StdSocket::from(socket))?;
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let mut shared = Shared::new(sporadic, flags);
    loop {
        // If the closure fails with WouldBlock, async_io waits and calls the closure again.
        let next = || shared.serve_next(&socket);
        if let Some(peeled) = socket.async_io(Interest::READABLE, next).await? {
            tokio::spawn(async {
                let assoc = peeled.assoc;
                let end = serve_peeled(peeled).await;
                println!("association {assoc}: {end:?}");
            });
        }
    }
}

/// Echoes until the association ends.
pub async fn serve_peeled(peeled: Peeled) -> io::Result<End> {
    let socket = UdpSocket::from_std(StdSocket::from(peeled.socket))?;
    let (mut inbox, mut unsent) = (peeled.inbox, peeled.unsent);
    loop {
        if let Some(message) = unsent.take() {
            // If the association has ended, a notification follows that reports it.
            if let Err(error) = socket.send(&message).await {
                println!("association {}: {error}", peeled.assoc);
            }
        }
        let receive = || inbox.receive(&socket);
        match socket.async_io(Interest::READABLE, receive).await? {
            Event::Message(message) => unsent = Some(message.data),
            Event::Ended(_, end) => return Ok(end),
        }
    }
}
