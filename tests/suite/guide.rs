//! The examples of the guide, from the files that the documentation shows.
#![allow(
    unreachable_pub,
    reason = "the examples are modules of a larger program"
)]

#[allow(clippy::cast_sign_loss, reason = "as easy to read as it can be")]
#[path = "../../src/guide/server/inbox.rs"]
pub(crate) mod inbox;
#[path = "../../src/guide/server/shared.rs"]
pub(crate) mod shared;
#[path = "../../src/guide/server/threads.rs"]
mod threads;
#[path = "../../src/guide/server/tokio.rs"]
mod tokio;

/// The Markdown files.
mod chapters;
mod errors;
mod ids;
mod migration;
mod peeled;
pub(crate) mod server;
