//! A peeled-off descriptor in runtimes and other crates: each echoes, holds back
//! when its peer does not read, and notices the association's end.
#![allow(unreachable_pub, reason = "what the guide shows is pasted elsewhere")]

// What the guide's chapter `runtimes` shows, each followed by its tests.
mod async_io;
mod mio;
mod nix;
mod polling;
mod rustix;
mod socket2;
mod threads;
mod tokio;

// What they share, and the guide shows too.
mod echo;
mod inbox;

mod association_end;
mod edge_triggered;
mod guide_examples;
mod harness;
mod partial_messages;
mod queues;
