//! Peeled-off sockets in async runtimes and other crates. Each example echoes messages, stops
//! reading from a peer that does not read, and detects the end of the association.
#![allow(
    unreachable_pub,
    reason = "the examples are modules of a larger program"
)]

// The examples of the guide.
#[path = "../../src/guide/runtimes/async_io.rs"]
mod async_io;
#[path = "../../src/guide/runtimes/echo.rs"]
mod echo;
#[path = "../../src/guide/runtimes/mio.rs"]
mod mio;
#[path = "../../src/guide/runtimes/poll.rs"]
mod poll;
#[allow(unsafe_code, reason = "the caller of Poller::add must call delete")]
#[path = "../../src/guide/runtimes/polling.rs"]
mod polling;
#[path = "../../src/guide/runtimes/socket2.rs"]
mod socket2;
#[path = "../../src/guide/runtimes/std.rs"]
mod std_thread;

mod association_end;
mod edge_triggered;
/// The tests of each example.
mod examples;
mod harness;
mod partial_messages;

use super::guide::inbox;
