use std::io;
use std::os::fd::OwnedFd;

use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

use super::echo::Echo;
use super::harness::{Kind, Pair, tests};
use super::inbox::Inbox;
use crate::guide::server::Version;
use crate::guide::shared::Peeled;
use crate::runtimes;

const BLOCKING: PeeloffFlags = PeeloffFlags::CLOEXEC;
const NONBLOCKING: PeeloffFlags = PeeloffFlags::all();

fn peel(server: &OwnedFd, assoc: AssocId, flags: PeeloffFlags) -> io::Result<OwnedFd> {
    Ok(peeloff_flags(server, assoc, flags)?)
}

fn echo(server: &OwnedFd, assoc: AssocId) -> io::Result<Echo> {
    Ok(Echo {
        socket: peel(server, assoc, NONBLOCKING)?,
        inbox: Inbox::new(),
        unsent: None,
    })
}

fn peeled(server: &OwnedFd, assoc: AssocId, flags: PeeloffFlags) -> io::Result<Peeled> {
    Ok(Peeled {
        assoc,
        socket: peel(server, assoc, flags)?,
        inbox: Inbox::new(),
        unsent: None,
    })
}

tests!(tokio, Kind::Async, |server, assoc| {
    let peeled = peeled(server, assoc, NONBLOCKING)?;
    Version::Tokio.serve_peeled(peeled).map(drop)
});

tests!(threads, Kind::Blocking, |server, assoc| {
    let peeled = peeled(server, assoc, BLOCKING)?;
    Version::Threads.serve_peeled(peeled).map(drop)
});

tests!(async_io, Kind::Async, |server, assoc| {
    let socket = peel(server, assoc, NONBLOCKING)?;
    ::async_io::block_on(runtimes::async_io::serve(socket, Inbox::new()))
});

tests!(mio, Kind::Async, |server, assoc| {
    runtimes::mio::serve(echo(server, assoc)?)
});

tests!(polling, Kind::Async, |server, assoc| {
    runtimes::polling::serve(echo(server, assoc)?)
});

tests!(poll, Kind::Async, |server, assoc| {
    runtimes::poll::serve(echo(server, assoc)?)
});

tests!(std_thread, Kind::Unsubscribed, |server, assoc| {
    runtimes::std_thread::serve(peel(server, assoc, BLOCKING)?)
});

tests!(socket2, Kind::Unsubscribed, |server, assoc| {
    runtimes::socket2::serve(peel(server, assoc, BLOCKING)?)
});
