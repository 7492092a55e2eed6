use std::io;
use std::os::fd::OwnedFd;

use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

use super::echo::Echo;
use super::harness::{Runtime, tests};
use super::inbox::Inbox;
use crate::guide::server::Version;
use crate::guide::shared::Peeled;

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

mod tokio {
    use super::*;

    tests!(Runtime {
        subscribed: true,
        blocking: false,
        longest: 150_000,
        serve: |server, assoc| Version::Tokio
            .serve_peeled(peeled(server, assoc, NONBLOCKING)?)
            .map(drop),
    });
}

mod threads {
    use super::*;

    tests!(Runtime {
        subscribed: true,
        blocking: true,
        longest: 150_000,
        serve: |server, assoc| Version::Threads
            .serve_peeled(peeled(server, assoc, BLOCKING)?)
            .map(drop),
    });
}

mod async_io {
    use super::*;

    tests!(Runtime {
        subscribed: true,
        blocking: false,
        longest: 150_000,
        serve: |server, assoc| {
            let socket = peel(server, assoc, NONBLOCKING)?;
            ::async_io::block_on(super::super::async_io::serve(socket, Inbox::new()))
        },
    });
}

mod mio {
    use super::*;

    tests!(Runtime {
        subscribed: true,
        blocking: false,
        longest: 150_000,
        serve: |server, assoc| super::super::mio::serve(echo(server, assoc)?),
    });
}

mod polling {
    use super::*;

    tests!(Runtime {
        subscribed: true,
        blocking: false,
        longest: 150_000,
        serve: |server, assoc| super::super::polling::serve(echo(server, assoc)?),
    });
}

mod poll {
    use super::*;

    tests!(Runtime {
        subscribed: true,
        blocking: false,
        longest: 150_000,
        serve: |server, assoc| super::super::poll::serve(echo(server, assoc)?),
    });
}

mod std_thread {
    use super::*;

    tests!(Runtime {
        subscribed: false,
        blocking: true,
        longest: 60_000,
        serve: |server, assoc| super::super::std_thread::serve(peel(server, assoc, BLOCKING)?),
    });
}

mod socket2 {
    use super::*;

    tests!(Runtime {
        subscribed: false,
        blocking: true,
        longest: 60_000,
        serve: |server, assoc| super::super::socket2::serve(peel(server, assoc, BLOCKING)?),
    });
}
