//! A peeled-off descriptor in runtimes and other crates: each echoes, holds back
//! when its peer does not read, and notices the association's end.
#![allow(missing_docs)]
#![allow(unreachable_pub, reason = "what the guide shows is pasted elsewhere")]

// What the guide's chapter `runtimes` shows, each followed by its tests.
#[path = "runtimes/async_io.rs"]
mod async_io;
#[path = "runtimes/mio.rs"]
mod mio;
#[path = "runtimes/nix.rs"]
mod nix;
#[path = "runtimes/polling.rs"]
mod polling;
#[path = "runtimes/rustix.rs"]
mod rustix;
#[path = "runtimes/socket2.rs"]
mod socket2;
#[path = "runtimes/std.rs"]
mod threads;
#[path = "runtimes/tokio.rs"]
mod tokio;

// What they share, and the guide shows too.
#[path = "runtimes/echo.rs"]
mod echo;
#[path = "runtimes/inbox.rs"]
mod inbox;

#[path = "runtimes/edges.rs"]
mod edges;
#[path = "runtimes/ends.rs"]
mod ends;
#[path = "runtimes/guide.rs"]
mod guide;
#[path = "runtimes/harness.rs"]
mod harness;
#[path = "runtimes/parts.rs"]
mod parts;
#[path = "runtimes/queues.rs"]
mod queues;
mod support;
