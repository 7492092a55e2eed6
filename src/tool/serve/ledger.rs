//! What the server tells: one line for each event, and on a terminal the totals
//! below them.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use sctp_peeloff::AssocId;

/// What an association has carried.
#[derive(Clone, Copy, Default)]
pub(crate) struct Carried {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Messages without their echo.
    dropped: u64,
}

impl Carried {
    pub(crate) fn add(&mut self, data: &[u8]) {
        self.messages += 1;
        self.bytes += data.len() as u64;
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.messages == 1 { "" } else { "s" };
        write!(f, "{} message{plural}, {} bytes", self.messages, self.bytes)?;
        match self.dropped {
            0 => Ok(()),
            dropped => write!(f, ", {dropped} not echoed"),
        }
    }
}

#[derive(Default)]
struct Totals {
    associations: u64,
    up: u64,
    peeled: u64,
    carried: Carried,
    /// Whether the line on the terminal is an older one.
    stale: bool,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            associations,
            up,
            peeled,
            carried,
            ..
        } = self;
        write!(
            f,
            "{associations} associated, {up} up, {peeled} peeled off; {carried}"
        )
    }
}

pub(crate) struct Ledger {
    terminal: bool,
    totals: Mutex<Totals>,
}

/// Back to the line's start, and nothing left on it.
const ERASE: &str = "\r\x1b[K";

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            totals: Mutex::default(),
        }
    }

    pub(crate) fn line(&self, label: &str, text: fmt::Arguments<'_>) {
        self.event(label, text, |_| {});
    }

    pub(crate) fn up(&self, id: AssocId, peer: Option<SocketAddr>) {
        let peer = peer.map_or_else(|| "a nameless peer".into(), |peer| peer.to_string());
        self.event("up", format_args!("association {id}, {peer}"), |totals| {
            totals.associations += 1;
            totals.up += 1;
        });
    }

    /// `waits` if it was peeled off for an echo that its peer does not take.
    pub(crate) fn peeled(&self, id: AssocId, socket: RawFd, carried: Carried, waits: bool) {
        let why = if waits {
            ", whose peer does not read,"
        } else {
            ""
        };
        self.event(
            "peeled",
            format_args!("association {id}{why} into descriptor {socket} after {carried}"),
            |totals| totals.peeled += 1,
        );
    }

    /// The association is no more.
    pub(crate) fn down(&self, label: &str, id: AssocId, carried: Carried) {
        self.event(
            label,
            format_args!("association {id} after {carried}"),
            |totals| {
                totals.up = totals.up.saturating_sub(1);
            },
        );
    }

    pub(crate) fn restarted(&self, id: AssocId) {
        self.line("restart", format_args!("association {id}, by its peer"));
    }

    /// A message stays without its echo. Its association's first such is told,
    /// since where one comes, many do.
    pub(crate) fn dropped(&self, id: AssocId, carried: &mut Carried, errno: Errno) {
        carried.dropped += 1;
        if carried.dropped == 1 {
            self.line(
                "dropped",
                format_args!("association {id}: a message was not echoed: {errno}"),
            );
        }
    }

    pub(crate) fn carried(&self, data: &[u8]) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.carried.add(data);
        totals.stale = true;
    }

    /// Shows the totals on a terminal, where they have changed.
    pub(crate) fn refresh(&self) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        if self.terminal && totals.stale {
            print(format_args!("{ERASE}{totals}"));
            totals.stale = false;
        }
    }

    pub(crate) fn close(&self) {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let erase = if self.terminal { ERASE } else { "" };
        print(format_args!("{erase}total     {totals}\n"));
    }

    pub(crate) fn on_terminal(&self) -> bool {
        self.terminal
    }

    fn event(&self, label: &str, text: fmt::Arguments<'_>, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut totals);
        if self.terminal {
            print(format_args!("{ERASE}{label:9} {text}\n{totals}"));
            totals.stale = false;
        } else {
            print(format_args!("{label:9} {text}\n"));
        }
    }
}

/// The peers are served on even if nobody reads this any more.
fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}
