//! The guide: chapters on how to use the crate.
//!
//! - [`server`]: a complete server, with tokio and with threads;
//! - [`ids`]: four ways to find the id of an association;
//! - [`peeled`]: what a peeled-off socket is, and how to notice its end;
//! - [`options`]: socket options on a peeled-off socket;
//! - [`runtimes`]: a peeled-off socket in tokio, async-io, mio, polling, and threads;
//! - [`errors`]: all errors, and how to handle them;
//! - [`kernel_faults`]: known faults of kernels, and how to avoid them;
//! - [`cost`]: the cost of a peel-off, and which function to call when;
//! - [`platforms`]: kernels, architectures, and programs without libc;
//! - [`migration`]: how to replace libsctp and other crates;
//! - [`tool`]: the program `sctp-peeloff`.
//!
//! The guide describes Linux. The differences of FreeBSD are listed in the [documentation of
//! the crate](crate#freebsd).

// The suite compiles and runs each example.
#![cfg(not(doctest))]

// Each chapter defines its links for readers of the Markdown file. In the documentation
// the definitions in links.md have precedence, because they come first.

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/cost.md")]
pub mod cost {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/ids.md")]
pub mod ids {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/kernel_faults.md")]
pub mod kernel_faults {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/migration.md")]
pub mod migration {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/options.md")]
pub mod options {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/peeled.md")]
pub mod peeled {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/platforms.md")]
pub mod platforms {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/runtimes.md")]
/// # async_io.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/async_io.rs")]
/// ```
///
/// # echo.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/echo.rs")]
/// ```
///
/// # mio.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/mio.rs")]
/// ```
///
/// # polling.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/polling.rs")]
/// ```
///
/// # poll.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/poll.rs")]
/// ```
///
/// # std.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/std.rs")]
/// ```
///
/// # socket2.rs
///
/// ```rust
#[doc = include_str!("guide/runtimes/socket2.rs")]
/// ```
pub mod runtimes {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("guide/server.md")]
/// # inbox.rs
///
/// ```rust
#[doc = include_str!("guide/server/inbox.rs")]
/// ```
///
/// # shared.rs
///
/// ```rust
#[doc = include_str!("guide/server/shared.rs")]
/// ```
///
/// # tokio.rs
///
/// ```rust
#[doc = include_str!("guide/server/tokio.rs")]
/// ```
///
/// # threads.rs
///
/// ```rust
#[doc = include_str!("guide/server/threads.rs")]
/// ```
pub mod server {}

#[doc = include_str!("guide/tool.md")]
pub mod tool {}
