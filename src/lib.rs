//! Peel an SCTP association off a one-to-many socket, by system calls alone.
//!
//! A one-to-many SCTP socket holds many associations behind one descriptor.
//! Peeling one off gives it a descriptor of its own, so that a busy peer can have
//! a thread, a task or a process to itself while sporadic ones stay on the shared
//! socket. These are `sctp_peeloff(3)` and `sctp_peeloff_flags(3)` of libsctp,
//! without libsctp:
//!
//! - [`peeloff`] and [`peeloff_flags`] peel off;
//! - [`assoc_ids`] and [`assoc_id_of_peer`] find the association's id;
//! - [`kernel_support`] tells what this kernel has;
//! - [`sockopt`] holds the kernel's options, one bare system call each.
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
//! // A message tells its sender, and the sender's address tells the association.
//! let mut buffer = [0; 1500];
//! let (length, _, peer) = net::recvfrom(&server, &mut buffer, RecvFlags::empty())?;
//! assert_eq!(&buffer[..length], b"hello");
//! let peer = SocketAddr::try_from(peer.ok_or("a message without a sender")?)?;
//! let id = assoc_id_of_peer(&server, peer)?;
//! assert_eq!(assoc_ids(&server)?, [id]);
//!
//! // From here on the association has a descriptor of its own.
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
//! # What libsctp does not do
//!
//! - `peeloff_flags` is there to be called: libsctp's shared library does not
//!   export it.
//! - **At the descriptor limit the association survives.** The kernel destroys it
//!   when it has no descriptor to give; this crate looks first, and returns
//!   [`Error::NoDescriptor`].
//! - `EINVAL` is told apart, into [`Error::NoSuchAssociation`],
//!   [`Error::NotOneToMany`] and [`Error::NotPeelable`], and each error says what
//!   became of the association.
//! - On kernels before 4.13 the flags are set after the peel-off. When that fails,
//!   the association is handed over in [`Error::FlagsNotSet`] and not shut down.
//! - The descriptor is an [`OwnedFd`] from the instruction after the
//!   system call. Nothing is allocated on the way, and with `default-features =
//!   false` neither `std` nor an allocator is needed.
//!
//! # What a peeled-off socket is
//!
//! A socket with one association. The messages that were queued for it have moved
//! with it, in order. It inherits the one-to-many socket's buffers, timeouts,
//! event subscriptions and SCTP defaults, but neither `O_NONBLOCK` nor
//! `FD_CLOEXEC`. Closing it shuts the association down, gracefully if no message is
//! left unread; closing the one-to-many socket does not touch it. `SO_TYPE` is
//! still `SOCK_SEQPACKET`, yet it cannot listen, connect or be peeled again.
//!
//! **It never reports end-of-file.** After the peer's shutdown a blocking read
//! fails with `ENOTCONN`, and a non-blocking one with `EAGAIN`, for ever; after an
//! abort the first read fails with `ECONNRESET`, and after the peer's silence with
//! `ETIMEDOUT`. Whoever waits for readiness has to subscribe to
//! `SCTP_ASSOC_CHANGE`, best before the peel-off, or to ask from time to time
//! whether [`sockopt::has_assoc`] has become false. [`guide::peeled`] shows how.
//!
//! # Where to read on
//!
//! [`guide::ids`] finds an association's id in four ways, [`guide::runtimes`] takes
//! a peeled-off descriptor to tokio and others, [`guide::cost`] says what a
//! peel-off costs, [`guide::errors`] how each error comes about, and
//! [`guide::migration`] what to call instead of libsctp and other crates.
//!
//! # Features
//!
//! - `std` (default): the descriptors are those of `std::os::fd`, and an [`Error`]
//!   turns into a `std::io::Error`. Implies `alloc`. Without it the descriptor
//!   types are rustix's; either way they are at [`fd`].
//! - `alloc`: [`assoc_ids`].
//! - `use-libc`: calls by the C library. Without it, x86, `x86_64`, little-endian
//!   aarch64, arm and riscv64 need none; other processors always go by it. Targets
//!   whose code is Thumb (`thumbv7neon-unknown-linux-*`) build only with it.
//!
//! # Systems
//!
//! Linux. On other Unix systems, Android among them, this compiles, and every use is
//! [`Error::Unsupported`].

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod ancillary;
mod assoc_id;
mod backend;
mod diagnose;
mod error;
mod fallback;
mod flags;
mod guard;
#[cfg(doc)]
pub mod guide;
#[cfg(all(test, not(miri)))]
mod header;
mod layout;
#[cfg(feature = "alloc")]
mod list;
pub mod sockopt;
mod support;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::net::SocketAddr;

use rustix::fd::{AsFd, OwnedFd};

pub use assoc_id::AssocId;
pub use error::Error;
pub use flags::PeeloffFlags;
/// The descriptor types: those of `std::os::fd`, or without `std` rustix's own.
pub use rustix::fd;
pub use support::Support;

/// `sctp_peeloff(socket, assoc)`—Peels an association off a one-to-many socket,
/// into a descriptor of its own.
///
/// The new descriptor has neither `O_NONBLOCK` nor `FD_CLOEXEC`, whatever the
/// socket has; [`peeloff_flags`] sets them from the start. Messages that are
/// queued for the association move with it. Closing the descriptor shuts the
/// association down.
///
/// Three system calls: a descriptor is duplicated and closed, so that without a
/// free one the kernel is not asked; see [`Error::NoDescriptor`]. The bare call is
/// [`sockopt::peeloff`].
///
/// # Errors
///
/// | error | errno | the association |
/// |---|---|---|
/// | [`NoSuchAssociation`](Error::NoSuchAssociation) | `EINVAL` | there is none |
/// | [`NotOneToMany`](Error::NotOneToMany) | `EINVAL` | untouched |
/// | [`NotPeelable`](Error::NotPeelable) | `EINVAL` | untouched |
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT` | – |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` | – |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` | – |
/// | [`SenderBlocked`](Error::SenderBlocked) | `EBUSY` | untouched |
/// | [`NoDescriptor`](Error::NoDescriptor) | `EMFILE`, `ENFILE` | untouched |
/// | [`AssociationLost`](Error::AssociationLost) | `EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS`, `EFAULT`, `EBADMSG` | **destroyed**; with `EBADMSG` unknown |
/// | [`Unsupported`](Error::Unsupported) | – | – |
/// | [`Os`](Error::Os) | any other | untouched |
///
/// # References
///
/// - [`sctp_peeloff(3)`](https://manpages.debian.org/stable/libsctp-dev/sctp_peeloff.3.en.html)
/// - [RFC 6458, section 9.2](https://www.rfc-editor.org/rfc/rfc6458#section-9.2)
#[doc(alias = "sctp_peeloff")]
#[doc(alias = "SCTP_SOCKOPT_PEELOFF")]
pub fn peeloff(socket: impl AsFd, assoc: AssocId) -> Result<OwnedFd, Error> {
    let socket = socket.as_fd();
    guard::descriptor_free(socket)?;
    sockopt::peeloff(socket, assoc).map_err(|errno| diagnose::peeloff_error(socket, assoc, errno))
}

/// `sctp_peeloff_flags(socket, assoc, flags)`—Peels an association off a
/// one-to-many socket, into a descriptor of its own with these flags.
///
/// Empty flags make it [`peeloff`]. On a kernel before 4.13, which cannot set them
/// itself, the flags are set right after the peel-off; the crate learns that from
/// the first call and remembers it. What that means for `CLOEXEC` is said at
/// [`PeeloffFlags::CLOEXEC`].
///
/// Three system calls since 4.13, as with [`peeloff`]; one more for each flag
/// before. The bare call is [`sockopt::peeloff_flags`].
///
/// # Errors
///
/// Those of [`peeloff`], and
///
/// | error | errno | the association |
/// |---|---|---|
/// | [`UnknownFlags`](Error::UnknownFlags) | (`EINVAL`) | untouched |
/// | [`FlagsNotSet`](Error::FlagsNotSet) | any | alive, in the error's `socket` |
///
/// # References
///
/// - [`sctp_peeloff(3)`](https://manpages.debian.org/stable/libsctp-dev/sctp_peeloff.3.en.html)
/// - [RFC 6458, section 9.2](https://www.rfc-editor.org/rfc/rfc6458#section-9.2)
/// - [commit 2cb5c8e378d1](https://git.kernel.org/torvalds/c/2cb5c8e378d1), the
///   kernel's option
#[doc(alias = "sctp_peeloff_flags")]
#[doc(alias = "SCTP_SOCKOPT_PEELOFF_FLAGS")]
pub fn peeloff_flags(
    socket: impl AsFd,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Error> {
    let unknown = flags.difference(PeeloffFlags::all());
    if !unknown.is_empty() {
        return Err(Error::UnknownFlags(unknown));
    }
    if flags.is_empty() {
        return peeloff(socket, assoc);
    }
    let socket = socket.as_fd();
    guard::descriptor_free(socket)?;
    fallback::peeloff_flags(socket, assoc, flags)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_ASSOC_ID_LIST, …)`—The ids of a
/// one-to-many socket's associations.
///
/// Those that are still being set up from this side and have no id yet are left
/// out. A peeled-off socket has one, and none once its association has ended.
///
/// Two system calls, the first of which asks for the number
/// (`SCTP_GET_ASSOC_NUMBER`).
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NotOneToMany`](Error::NotOneToMany) | `EOPNOTSUPP` |
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other, such as `ENOMEM` |
///
/// Nothing becomes of any association.
///
/// # References
///
/// - [RFC 6458, section 8.2.6](https://www.rfc-editor.org/rfc/rfc6458#section-8.2.6)
#[doc(alias = "SCTP_GET_ASSOC_ID_LIST")]
#[doc(alias = "SCTP_GET_ASSOC_NUMBER")]
#[cfg(feature = "alloc")]
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
pub fn assoc_ids(socket: impl AsFd) -> Result<Vec<AssocId>, Error> {
    let socket = socket.as_fd();
    list::assoc_ids(socket).map_err(|errno| diagnose::list_error(socket, errno))
}

/// `getsockopt(socket, SOL_SCTP, SCTP_GET_PEER_ADDR_INFO, …)`—The id of the
/// association with the peer that has this address.
///
/// Any of a multi-homed peer's addresses will do, with the peer's port. One system
/// call.
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NoSuchPeer`](Error::NoSuchPeer) | `EINVAL` |
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other |
///
/// Nothing becomes of any association.
///
/// # References
///
/// - [RFC 6458, section 8.2.2](https://www.rfc-editor.org/rfc/rfc6458#section-8.2.2)
#[doc(alias = "SCTP_GET_PEER_ADDR_INFO")]
pub fn assoc_id_of_peer(socket: impl AsFd, peer: SocketAddr) -> Result<AssocId, Error> {
    match sockopt::peer_addr_assoc_id(socket.as_fd(), peer) {
        // Still being set up: an id that peels nothing off.
        Ok(id) if id.as_raw() == 0 => Err(Error::NoSuchPeer(peer)),
        Ok(id) => Ok(id),
        Err(errno) => Err(diagnose::peer_error(peer, errno)),
    }
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, NULL, 0)`—What this
/// kernel has for [`peeloff_flags`].
///
/// Nothing is changed, nothing is remembered, and any SCTP socket will do. One
/// system call since 4.13, two before. Where the socket is of another protocol, an
/// SCTP one is made and closed, to tell whether the kernel has SCTP at all.
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other |
///
/// Nothing becomes of any association.
///
/// # References
///
/// - [commit 2cb5c8e378d1](https://git.kernel.org/torvalds/c/2cb5c8e378d1), the
///   kernel's option
pub fn kernel_support(socket: impl AsFd) -> Result<Support, Error> {
    let socket = socket.as_fd();
    if sockopt::has_peeloff_flags(socket).map_err(diagnose::socket_error)? {
        return Ok(Support::Flags);
    }
    if sockopt::has_peeloff(socket).map_err(diagnose::socket_error)? {
        return Ok(Support::Plain);
    }
    Err(diagnose::not_sctp())
}
