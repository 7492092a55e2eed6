//! The server's output: one line for each event, and on a terminal the totals below.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use sctp_peeloff::notification::{AssocChange, AssocState};
use sctp_peeloff::{AssocId, Effect, Error};

use crate::advice;

/// The messages of an association.
#[derive(Clone, Copy, Default)]
pub(crate) struct Carried {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Messages that were not echoed.
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
        let plural = plural(self.messages);
        write!(f, "{} message{plural}, {} bytes", self.messages, self.bytes)?;
        match self.dropped {
            0 => Ok(()),
            dropped => write!(f, ", {dropped} not echoed"),
        }
    }
}

fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

#[derive(Default)]
struct Totals {
    associations: u64,
    established: u64,
    peeled: u64,
    carried: Carried,
    /// Whether the totals have changed since they were printed.
    changed: bool,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            associations,
            established,
            peeled,
            carried,
            ..
        } = self;
        let plural = plural(*associations);
        write!(
            f,
            "{associations} association{plural}, {established} established, "
        )?;
        write!(f, "{peeled} peeled off; {carried}")
    }
}

pub(crate) struct Ledger {
    terminal: bool,
    totals: Mutex<Totals>,
}

/// Returns to the start of the line and erases the line.
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

    pub(crate) fn established(&self, id: AssocId, peer: Option<SocketAddr>) {
        let peer = peer.map_or_else(|| "unknown address".into(), |peer| peer.to_string());
        self.event("up", format_args!("association {id}, {peer}"), |totals| {
            totals.associations += 1;
            totals.established += 1;
        });
    }

    /// `waits`: the association was peeled off because the send buffer was full.
    pub(crate) fn peeled(&self, id: AssocId, socket: RawFd, carried: Carried, waits: bool) {
        let reason = if waits {
            "; the peer does not read"
        } else {
            ""
        };
        self.event(
            "peeled",
            format_args!("association {id} into descriptor {socket} after {carried}{reason}"),
            |totals| totals.peeled += 1,
        );
    }

    /// The association has ended.
    pub(crate) fn ended(&self, label: &str, id: AssocId, carried: Carried) {
        self.event(
            label,
            format_args!("association {id} after {carried}"),
            Totals::one_ended,
        );
    }

    pub(crate) fn restarted(&self, id: AssocId) {
        self.line("restarted", format_args!("association {id}"));
    }

    /// A peel-off has failed. The label depends on the effect on the association.
    pub(crate) fn not_peeled(&self, id: AssocId, error: &Error, carried: Carried) {
        let advice =
            advice::for_peeloff(error).map_or_else(String::new, |text| format!("; {text}"));
        match error.effect() {
            Effect::Terminated => self.event(
                "terminated",
                format_args!("association {id} after {carried}: {error}{advice}"),
                Totals::one_ended,
            ),
            Effect::Unknown => {
                self.line("unknown", format_args!("association {id}: {error}{advice}"));
            }
            Effect::None | Effect::PeeledOff => {
                self.line("refused", format_args!("association {id}: {error}{advice}"));
            }
        }
    }

    /// A message was not echoed. Only the first such message of an association is
    /// printed.
    pub(crate) fn dropped(&self, id: AssocId, carried: &mut Carried, errno: Errno) {
        carried.dropped += 1;
        if carried.dropped == 1 {
            self.line(
                "dropped",
                format_args!("association {id}: message not echoed: {errno}"),
            );
        }
    }

    pub(crate) fn carried(&self, data: &[u8]) {
        let mut totals = self.totals();
        totals.carried.add(data);
        totals.changed = true;
    }

    /// Prints the totals on a terminal if they have changed.
    pub(crate) fn refresh(&self) {
        let mut totals = self.totals();
        if self.terminal && totals.changed {
            print(format_args!("{ERASE}{totals}"));
            totals.changed = false;
        }
    }

    pub(crate) fn close(&self) {
        let totals = self.totals();
        let erase = if self.terminal { ERASE } else { "" };
        print(format_args!("{erase}{:10} {totals}\n", "total"));
    }

    pub(crate) fn on_terminal(&self) -> bool {
        self.terminal
    }

    fn event(&self, label: &str, text: fmt::Arguments<'_>, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals();
        change(&mut totals);
        if self.terminal {
            print(format_args!("{ERASE}{label:10} {text}\n{totals}"));
            totals.changed = false;
        } else {
            print(format_args!("{label:10} {text}\n"));
        }
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    fn one_ended(&mut self) {
        self.established = self.established.saturating_sub(1);
    }
}

/// The label of an association's end, or `None` if the association continues.
pub(crate) fn end_label(change: AssocChange) -> Option<&'static str> {
    change.state.is_end().then_some(match change.state {
        AssocState::ShutdownComp => "closed",
        _ if change.is_abort() => "aborted",
        _ => "lost",
    })
}

/// The server continues if standard output is closed.
fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}
