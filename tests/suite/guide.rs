//! The examples of the guide. The documentation shows the same files.
#![allow(
    unreachable_pub,
    reason = "the examples are modules of a larger program"
)]

#[allow(clippy::cast_sign_loss, reason = "the example is easy to read")]
#[path = "../../src/guide/server/inbox.rs"]
pub(crate) mod inbox;
#[path = "../../src/guide/server/shared.rs"]
pub(crate) mod shared;
#[path = "../../src/guide/server/threads.rs"]
mod threads;
#[path = "../../src/guide/server/tokio.rs"]
mod tokio;

/// The Markdown files of the guide.
mod chapters;
mod errors;
mod ids;
mod migration;
mod peeled;
pub(crate) mod server;
