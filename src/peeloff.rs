//! The two functions that `sctp_peeloff(3)` documents, and a function that checks whether the
//! kernel supports `SCTP_SOCKOPT_PEELOFF_FLAGS`.

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
/// On Linux the new descriptor has neither `O_NONBLOCK` nor `FD_CLOEXEC`, even if the
/// one-to-many socket has them. [`peeloff_flags`] can set either or both of them. On
/// FreeBSD the new descriptor inherits `O_NONBLOCK` and does not have `FD_CLOEXEC`.
/// Messages that are queued for the association move to the new descriptor. Closing the
/// new descriptor shuts down the association.
///
/// On Linux the function makes three system calls. The first two check for a free
/// descriptor: they duplicate a descriptor and close the duplicate. If no descriptor is
/// available, the function fails with [`Error::NoDescriptor`] before the peel-off. Known
/// limitation: the check and the peel-off are not atomic. If another thread takes the last
/// free descriptor in between, the kernel terminates the association
/// ([`Error::AssociationLost`]). A [`Peeler`](crate::Peeler) does not have this
/// limitation. [`sockopt::peeloff`] makes only the third call, without the check.
///
/// If descriptor 0 is free, the function makes five more system calls. They verify that the
/// kernel has created this descriptor.
///
/// On FreeBSD the function makes two system calls. The first call checks that the socket is
/// an SCTP socket (`SO_PROTOCOL`). The check is needed because the second call, `sctp_peeloff`,
/// terminates the process if the kernel has no SCTP. On FreeBSD a check for a free descriptor
/// is not needed.
///
/// # Examples
///
/// Setting the flags after the peel-off works on every system. If another thread calls
/// `fork` and `execve` between the peel-off and `fcntl`, the new program inherits the
/// descriptor.
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
/// The table below lists the errnos on Linux. The errnos on FreeBSD are `ENOENT` for
/// `NoSuchAssociation`, `EOPNOTSUPP` for `NotOneToMany` and `NotSctp`, and `EOPNOTSUPP` or
/// `ENOTCONN` for `NotPeelable`. `AssociationLost` and `StateUnknown` do not occur on FreeBSD.
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
/// With empty flags this function does the same as [`peeloff`].
///
/// On Linux 4.13 and later the kernel sets the flags atomically. Earlier kernels do not
/// have the option `SCTP_SOCKOPT_PEELOFF_FLAGS`. On these kernels the function sets the
/// flags right after the peel-off. If another thread calls `fork` and `execve` between the
/// two steps, the new program inherits the descriptor (see [`PeeloffFlags::CLOEXEC`]). The
/// first call on such a kernel detects that the option is missing, and later calls in the
/// same process do not try the option again.
///
/// On Linux 4.13 and later the function makes three system calls, as [`peeloff`] does. On
/// earlier kernels it makes one more call for each flag. The known limitation of
/// [`peeloff`] applies to this function as well. `sockopt::peeloff_flags` makes only the
/// peel-off call, without the check for a free descriptor.
///
/// On systems other than Linux, if the flags are not empty, the function fails with
/// [`Unsupported`](Error::Unsupported) before any other check. The example in the
/// documentation of [`peeloff`] shows how to set the flags on these systems.
///
/// # Errors
///
/// The errors of [`peeloff`], and:
///
/// | error | errno | state of the association |
/// |---|---|---|
/// | [`UnknownFlags`](Error::UnknownFlags) | `EINVAL`, without a system call | not affected |
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
/// [`peeloff_flags`] works with and without kernel support for this option. Without it,
/// `peeloff_flags` sets the flags after the peel-off.
///
/// `socket` can be any SCTP socket. The function makes two system calls, which have no
/// effect on the socket. On systems other than Linux it fails with
/// [`Unsupported`](Error::Unsupported).
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
