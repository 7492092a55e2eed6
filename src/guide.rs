//! Chapters for those who use the crate. They are in the documentation alone.
//!
//! - [`ids`]: four ways to find an association's id;
//! - [`peeled`]: what a peeled-off socket is, and how its end is noticed;
//! - [`runtimes`]: tokio, async-io, mio, polling, socket2, nix, rustix and std;
//! - [`errors`]: each error, and a way to make it happen;
//! - [`cost`]: what a peel-off costs, and which function to call when;
//! - [`migration`]: from libsctp and from other crates.

#[doc = include_str!("guide/cost.md")]
pub mod cost {}
#[doc = include_str!("guide/errors.md")]
pub mod errors {}
#[doc = include_str!("guide/ids.md")]
pub mod ids {}
#[doc = include_str!("guide/migration.md")]
pub mod migration {}
#[doc = include_str!("guide/peeled.md")]
pub mod peeled {}
#[doc = include_str!("guide/runtimes.md")]
pub mod runtimes {}
