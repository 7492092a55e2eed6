//! Peels an SCTP association off a one-to-many socket, without libsctp.
//!
//! A one-to-many SCTP socket carries many associations on one file descriptor. A
//! peel-off moves one association to a file descriptor of its own, so that a busy peer
//! can have its own thread, task or process while less active peers stay on the shared
//! socket. This crate implements `sctp_peeloff(3)` and `sctp_peeloff_flags(3)` in pure
//! Rust:
//!
//! - [`peeloff`] and [`peeloff_flags`] peel off an association;
//! - [`Peeler`] peels off an association without a race for the last free file
//!   descriptor;
//! - [`assoc_ids`], [`assoc_id_of_peer`] and [`RcvInfo`] find the id of an association;
//! - [`notification`] detects the end of an association;
//! - [`sockopt`] has thin wrappers for the options that peel off or find an association.
//!
//! # Example
//!
//! ```
//! # #[cfg(target_os = "linux")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, ipproto::SCTP};
//! use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff_flags};
//! use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
//!
//! // A one-to-many server, and a client.
//! let server = net::socket(AddressFamily::INET, SocketType::SEQPACKET, Some(SCTP))?;
//! net::bind(&server, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
//! net::listen(&server, 16)?;
//! let client = net::socket(AddressFamily::INET, SocketType::STREAM, Some(SCTP))?;
//! net::connect(&client, &net::getsockname(&server)?)?;
//! net::send(&client, b"hello", SendFlags::empty())?;
//!
//! // recvfrom returns the peer's address, which identifies the association.
//! let mut buffer = [0; 1500];
//! let (length, _, peer) = net::recvfrom(&server, &mut buffer, RecvFlags::empty())?;
//! assert_eq!(&buffer[..length], b"hello");
//! let peer = SocketAddr::try_from(peer.ok_or("no address")?)?;
//! let id = assoc_id_of_peer(&server, peer)?;
//! assert_eq!(assoc_ids(&server)?, [id]);
//!
//! // The peel-off moves the association to a descriptor of its own.
//! let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC)?;
//! assert_eq!(assoc_ids(&server)?, []);
//! net::send(&peeled, b"to you alone", SendFlags::empty())?;
//! let (length, _) = net::recv(&client, &mut buffer, RecvFlags::empty())?;
//! assert_eq!(&buffer[..length], b"to you alone");
//! # Ok(())
//! # }
//! # #[cfg(not(target_os = "linux"))]
//! # fn main() {}
//! ```
//!
//! # Two hazards
//!
//! **If no file descriptor is available, the kernel terminates the association.**
//! [`peeloff`] and [`peeloff_flags`] first check for a free descriptor. If no descriptor
//! is free, they fail with [`Error::NoDescriptor`], and the association is still on the
//! one-to-many socket. Known limitation: the check and the peel-off are not atomic. If
//! another thread takes the last free descriptor in between, the kernel terminates the
//! association ([`Error::AssociationLost`]). A [`Peeler`] does not have this limitation.
//!
//! **A peeled-off socket never reports end-of-file.** After the peer's shutdown, a blocking
//! read fails with `ENOTCONN`, and a non-blocking read continues to fail with `EAGAIN`.
//! Event-driven code must subscribe to notifications with
//! [`subscribe_assoc_change`], or poll [`sockopt::has_assoc`]. [`guide::peeled`] describes
//! peeled-off sockets in full.
//!
//! # Errors
//!
//! Each [`Error`] reports the state of the association after the call
//! ([`Error::effect`]). `EINVAL` from the kernel has several causes, which the crate
//! reports as different errors: [`Error::NoSuchAssociation`], [`Error::NotOneToMany`] and
//! [`Error::NotPeelable`].
//!
//! # Guide
//!
//! - [`guide::ids`] describes four ways to find the id of an association.
//! - [`guide::runtimes`] describes how to use a peeled-off descriptor with tokio and other
//!   runtimes.
//! - [`guide::errors`] describes how to handle each error.
//! - [`guide::cost`] describes the cost of a peel-off.
//! - [`guide::migration`] describes how to replace libsctp and other crates.
//!
//! # Features
//!
//! - `std` (default): the descriptor types are those of `std::os::fd`, an [`Error`]
//!   converts to a [`std::io::Error`], and [`Peeler`] is available. Implies `alloc`.
//!   Without this feature the descriptor types are rustix's. In either case, [`fd`]
//!   re-exports the descriptor types.
//! - `alloc`: [`assoc_ids`] is available.
//! - `use-libc`: system calls go through libc. Without this feature, libc is not needed on
//!   Linux for x86, `x86_64`, riscv64, and little-endian arm and aarch64. Other
//!   architectures and FreeBSD always use libc.
//!
//! # Systems
//!
//! | system | supported | tested |
//! |---|---|---|
//! | Linux 4.x and later | everything | the whole suite, on the kernels and architectures that the README lists |
//! | FreeBSD | everything except [`Peeler`] and the flags of [`peeloff_flags`] | CI compiles the tests and compares the constants and the struct layouts with libc's |
//! | other Unix systems, such as Android, macOS, NetBSD and illumos | nothing: the crate compiles, and each function fails with [`Error::Unsupported`] before any system call | type-checked for macOS |
//!
//! CI cannot run the tests on FreeBSD. To run them by hand, load the kernel module with
//! `kldload sctp`, then run `cargo test`. The tests have not been run on FreeBSD yet. The
//! next section is based on separate experiments with FreeBSD 15.1 and 13.2 under QEMU on
//! 2026-11-25.
//!
//! # FreeBSD
//!
//! - The kernel allocates the descriptor before it moves the association. A failed
//!   peel-off therefore never affects the association, and the check for a free
//!   descriptor is not needed.
//! - The peeled-off descriptor inherits `O_NONBLOCK` and never has `FD_CLOEXEC`. The
//!   example in the documentation of [`peeloff`] sets both flags on every system.
//! - Associations on different sockets can have the same id. The first association on each
//!   socket has id 3.
//! - If the id is not found, the errno is `ENOENT` instead of `EINVAL`. If the socket is
//!   not a one-to-many socket, the errno is `EOPNOTSUPP`.
//! - A peeled-off socket has no id list: [`assoc_ids`] fails with
//!   [`Error::NotOneToMany`]. [`sockopt::has_assoc`] works on a peeled-off socket, as it
//!   does on Linux.
//! - The peer's graceful shutdown removes the association at once. `recvmsg` still returns
//!   queued messages with the id of the association, but a peel-off with this id fails with
//!   [`Error::NoSuchAssociation`].
//! - Known limitation (found in the kernel's source, not observed): while another thread
//!   is blocked in `recvmsg` on the one-to-many socket, a peel-off blocks as well, until
//!   that thread's call returns. If a signal interrupts the peel-off, queued messages stay
//!   on the one-to-many socket.
//! - The section [Two hazards](#two-hazards) applies only to Linux. On FreeBSD the first
//!   hazard does not exist, and the second hazard was not examined.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(target_os = "linux"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the guide links to items that exist on Linux only"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(target_os = "linux")]
mod adopt;
mod assoc_id;
mod backend;
mod control;
mod diagnose;
mod error;
#[cfg_attr(not(target_os = "linux"), path = "fallback/unsupported.rs")]
mod fallback;
mod flags;
mod guard;
#[cfg(doc)]
pub mod guide;
#[cfg(feature = "std")]
#[cfg_attr(not(target_os = "linux"), path = "helper/unsupported.rs")]
mod helper;
mod lookup;
pub mod notification;
#[cfg(feature = "std")]
mod parked;
#[cfg(feature = "std")]
mod peeler;
mod peeloff;
pub mod sockopt;
mod uapi;

/// The documentation tests compile and run the example in README.md.
#[cfg(all(doctest, target_os = "linux"))]
#[doc = include_str!("../README.md")]
mod readme {}

pub use assoc_id::AssocId;
pub use control::{RcvInfo, set_recvrcvinfo};
pub use error::{Effect, Error};
pub use flags::PeeloffFlags;
pub use lookup::assoc_id_of_peer;
#[cfg(feature = "alloc")]
pub use lookup::assoc_ids;
pub use notification::subscribe_assoc_change;
#[cfg(feature = "std")]
pub use parked::Parked;
#[cfg(feature = "std")]
pub use peeler::Peeler;
pub use peeloff::{peeloff, peeloff_flags, supports_flags};
/// The descriptor types. With the feature `std` these types come from `std::os::fd`. Otherwise
/// they come from rustix.
pub use rustix::fd;
pub use rustix::io::Errno;
