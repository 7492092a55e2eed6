//! The functions of the man page.

use rustix::fd::{AsFd, OwnedFd};

use crate::assoc_id::AssocId;
use crate::diagnose;
use crate::error::Error;
use crate::fallback;
use crate::flags::PeeloffFlags;
use crate::guard;
use crate::sockopt;

/// `sctp_peeloff(socket, assoc)`—Peels off an association from a one-to-many socket into
/// a descriptor of its own.
///
/// The new descriptor has neither `O_NONBLOCK` nor `FD_CLOEXEC`, whatever the
/// one-to-many socket has; [`peeloff_flags`] sets both atomically. On FreeBSD the new
/// descriptor inherits `O_NONBLOCK`. Messages that are queued for the association move
/// with it. Closing the descriptor shuts down the association.
///
/// The function makes three system calls. Two of them duplicate and close a descriptor,
/// so that the function fails with [`Error::NoDescriptor`] before the peel-off if no
/// descriptor is available. Known limitation: this is a check before use. If other
/// threads compete for the last free descriptor, the kernel can still terminate the
/// association ([`Error::AssociationLost`]). A [`Peeler`](crate::Peeler) does not have
/// this limitation. [`sockopt::peeloff`] makes the one call without the check.
///
/// On FreeBSD the function makes two system calls: it reads `SO_PROTOCOL`, because the
/// call of `sctp_peeloff` terminates the process if the kernel has no SCTP. A check for a
/// free descriptor is not needed.
///
/// # Examples
///
/// Setting the flags after the peel-off works on every system. Between the calls, a
/// child of another thread can inherit the descriptor.
///
/// ```
/// use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
/// use sctp_peeloff::{AssocId, Error, fd, peeloff};
///
/// fn peeloff_nonblocking(socket: fd::BorrowedFd, id: AssocId) -> Result<fd::OwnedFd, Error> {
///     let peeled = peeloff(socket, id)?;
///     let flags = fcntl_setfd(&peeled, FdFlags::CLOEXEC)
///         .and_then(|()| ioctl_fionbio(&peeled, true));
///     match flags {
///         Ok(()) => Ok(peeled),
///         // Dropping the descriptor would shut down the association.
///         Err(errno) => Err(Error::FlagsNotSet { socket: peeled, errno }),
///     }
/// }
/// ```
///
/// # Errors
///
/// The errnos are those of Linux. On FreeBSD, `NoSuchAssociation` has `ENOENT`,
/// `NotOneToMany` has `EOPNOTSUPP`, `NotPeelable` has `EOPNOTSUPP` or `ENOTCONN`, and
/// `NotSctp` has `EOPNOTSUPP`. `AssociationLost` and `StateUnknown` do not occur.
///
/// | error | errno | state of the association |
/// |---|---|---|
/// | [`NoSuchAssociation`](Error::NoSuchAssociation) | `EINVAL` | not on the socket |
/// | [`NotOneToMany`](Error::NotOneToMany) | `EINVAL` | not affected |
/// | [`NotPeelable`](Error::NotPeelable) | `EINVAL` | not affected |
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT`, `EINVAL` | – |
/// | [`OptionsUnavailable`](Error::OptionsUnavailable) | `EOPNOTSUPP`, `ENOPROTOOPT` | not affected |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` | – |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` | – |
/// | [`SenderBlocked`](Error::SenderBlocked) | `EBUSY` | not affected |
/// | [`NoDescriptor`](Error::NoDescriptor) | `EMFILE`, `ENFILE` | not affected |
/// | [`AssociationLost`](Error::AssociationLost) | `EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS`, `EFAULT` | **terminated by the kernel** |
/// | [`StateUnknown`](Error::StateUnknown) | any | **unknown** |
/// | [`Unsupported`](Error::Unsupported) | – | – |
/// | [`Os`](Error::Os) | any other | not affected |
///
/// # References
///
/// - [`sctp_peeloff(3)`](https://manpages.debian.org/stable/libsctp-dev/sctp_peeloff.3.en.html)
/// - [`sctp_peeloff(2)`](https://man.freebsd.org/cgi/man.cgi?query=sctp_peeloff), FreeBSD
/// - [RFC 6458, section 9.2](https://www.rfc-editor.org/rfc/rfc6458#section-9.2)
#[doc(alias = "sctp_peeloff")]
#[doc(alias = "SCTP_SOCKOPT_PEELOFF")]
pub fn peeloff(socket: impl AsFd, assoc: AssocId) -> Result<OwnedFd, Error> {
    let socket = socket.as_fd();
    guard::descriptor_free(socket)?;
    sockopt::peeloff(socket, assoc).map_err(|errno| diagnose::peeloff_error(socket, assoc, errno))
}

/// `sctp_peeloff_flags(socket, assoc, flags)`—Peels off an association from a one-to-many
/// socket into a descriptor of its own, with flags.
///
/// With empty flags this function is [`peeloff`]. On a kernel before 4.13 the function
/// sets the flags right after the peel-off; the first call finds out that the kernel
/// lacks the option, and the result is cached for the process.
/// [`PeeloffFlags::CLOEXEC`] describes what this means for `execve`.
///
/// The function makes three system calls on Linux 4.13 and later, like [`peeloff`] and
/// with the same limitation. On earlier kernels it makes one more for each flag.
/// `sockopt::peeloff_flags` makes the one call without the check.
///
/// On other systems than Linux the function fails with
/// [`Unsupported`](Error::Unsupported) if there are flags, before any other check.
/// [`peeloff`] shows how to set the flags there.
///
/// # Errors
///
/// The errors of [`peeloff`], and:
///
/// | error | errno | state of the association |
/// |---|---|---|
/// | [`UnknownFlags`](Error::UnknownFlags) | (`EINVAL`) | not affected |
/// | [`FlagsNotSet`](Error::FlagsNotSet) | any | peeled off, into the error's `socket` |
///
/// # References
///
/// - [`sctp_peeloff(3)`](https://manpages.debian.org/stable/libsctp-dev/sctp_peeloff.3.en.html)
/// - [RFC 6458, section 9.2](https://www.rfc-editor.org/rfc/rfc6458#section-9.2)
/// - [commit 2cb5c8e378d1](https://git.kernel.org/torvalds/c/2cb5c8e378d1), which added
///   the option to the kernel
#[doc(alias = "sctp_peeloff_flags")]
#[doc(alias = "SCTP_SOCKOPT_PEELOFF_FLAGS")]
pub fn peeloff_flags(
    socket: impl AsFd,
    assoc: AssocId,
    flags: PeeloffFlags,
) -> Result<OwnedFd, Error> {
    fallback::check(flags)?;
    if flags.is_empty() {
        return peeloff(socket, assoc);
    }
    let socket = socket.as_fd();
    guard::descriptor_free(socket)?;
    fallback::peeloff_flags(socket, assoc, flags)
}

/// `getsockopt(socket, SOL_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, NULL, 0)`—Returns whether
/// the kernel supports `SCTP_SOCKOPT_PEELOFF_FLAGS`.
///
/// [`peeloff_flags`] works in both cases. If the result is `false`, it sets the flags
/// after the peel-off.
///
/// Any SCTP socket can be used. The function makes two system calls and has no effect.
/// On other systems than Linux it fails with [`Unsupported`](Error::Unsupported), as
/// [`peeloff_flags`] does there.
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NotSctp`](Error::NotSctp) | – |
/// | [`OptionsUnavailable`](Error::OptionsUnavailable) | `EOPNOTSUPP` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other |
///
/// # References
///
/// - [commit 2cb5c8e378d1](https://git.kernel.org/torvalds/c/2cb5c8e378d1), which added
///   the option to the kernel
pub fn supports_flags(socket: impl AsFd) -> Result<bool, Error> {
    fallback::supports_flags(socket.as_fd())
}
