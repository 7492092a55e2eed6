//! The error type, and what each error says about the association.

use core::net::SocketAddr;

use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::flags::PeeloffFlags;
#[cfg(feature = "std")]
use crate::parked::Parked;
use crate::uapi::{NOT_FOUND, WRONG_SOCKET};

/// What a failed call did to the association.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// Nothing. If the socket had the association before the call, the call has not
    /// affected it.
    None,
    /// The association was peeled off. The error owns its descriptor, or a handle that
    /// returns it.
    PeeledOff,
    /// The kernel terminated the association: the socket was queried, and no longer has
    /// the association.
    Terminated,
    /// The state of the association could not be determined.
    Unknown,
}

/// The reason why a call failed.
///
/// [`effect`](Self::effect) returns the state of the association after the call, and
/// [`is_temporary`](Self::is_temporary) whether to retry. The chapter
/// [`errors`](crate::guide::errors) shows how to handle an error in a few lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `EINVAL`, or `ENOENT` on FreeBSD: the one-to-many socket does not have this
    /// association.
    ///
    /// The association has ended or was peeled off already, or the id was never valid.
    /// If the association has ended, messages that it had received may still be queued
    /// on the one-to-many socket; they come before the notification of its end.
    #[error("no such association: {0}")]
    NoSuchAssociation(AssocId),

    /// `EINVAL`, or `ENOENT` on FreeBSD: the socket has no association with a peer that has this address, or the
    /// association is still being set up and has no id yet.
    ///
    /// Known limitation: for a peer with a link-local IPv6 address, `recvfrom` returns a
    /// wrong scope id, so that the address is not found (for a fragmented message up to
    /// Linux 7.2, for any message on 6.1 and earlier). Use [`RcvInfo`](crate::RcvInfo).
    #[error("no association with {0}")]
    NoSuchPeer(SocketAddr),

    /// `EINVAL`, or `EOPNOTSUPP` for an id list: the socket is a one-to-one socket
    /// (`SO_TYPE` is `SOCK_STREAM`).
    ///
    /// On FreeBSD the errnos are the other way round. There `SCTP_REUSE_PORT` shows that
    /// the socket is a one-to-one socket, and [`assoc_ids`](crate::assoc_ids) returns this
    /// error for a peeled-off socket as well.
    #[error("not a one-to-many socket")]
    NotOneToMany,

    /// `EINVAL` although the socket has the association: the socket is a peeled-off
    /// socket, or belongs to another network namespace than the caller. On FreeBSD the
    /// errno is `EOPNOTSUPP` for a peeled-off socket, and `ENOTCONN` for an association
    /// that cannot move in its present state.
    #[error("association cannot be peeled off from this socket")]
    NotPeelable,

    /// The socket is a socket of another protocol (`SO_PROTOCOL` is not `IPPROTO_SCTP`).
    #[error("not an SCTP socket")]
    NotSctp,

    /// `EOPNOTSUPP` or `ENOPROTOOPT` for an SCTP socket: the SCTP options do not reach
    /// the kernel's SCTP. Emulators such as qemu-user do not forward these options, and
    /// some sandboxes refuse them.
    #[error("SCTP options are not available: {0}")]
    OptionsUnavailable(Errno),

    /// `ENOTSOCK`: the descriptor is not a socket.
    #[error("not a socket")]
    NotSocket,

    /// `EBADF`: the descriptor is not open, or was opened with `O_PATH`.
    #[error("bad file descriptor")]
    BadDescriptor,

    /// Bits that are not [`PeeloffFlags`]. The function fails before any system call.
    #[error("unknown flags: {0:?}")]
    UnknownFlags(PeeloffFlags),

    /// `EBUSY`: a sender is blocked on the association (kernels around 4.10 to 4.14).
    /// Retry after the blocked send has completed.
    #[error("a sender is blocked on the association")]
    SenderBlocked,

    /// `EMFILE` or `ENFILE`: no file descriptor is available. The association is still on
    /// the one-to-many socket.
    ///
    /// To continue, close descriptors, or raise `RLIMIT_NOFILE` (`EMFILE`), or raise
    /// `fs.file-max` or the memory limit (`ENFILE`). Then retry.
    ///
    /// Known limitation: this error comes from a check before the peel-off. If other
    /// threads take the last free descriptor between the check and the peel-off, the
    /// kernel terminates the association, and the error is
    /// [`AssociationLost`](Self::AssociationLost).
    #[error("no file descriptor available ({})", limit(*.0))]
    NoDescriptor(Errno),

    /// `EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS` or `EFAULT`, and the socket no longer has
    /// the association: the kernel moves an association before it allocates a descriptor,
    /// and **terminates the association** if the allocation fails. The peer sees the
    /// end of the association. The one-to-many socket gets no notification.
    #[error("association terminated by the kernel: {0}")]
    AssociationLost(Errno),

    /// The call failed, and the state of the association could not be determined.
    ///
    /// Either the socket could not be queried, or the socket no longer has the
    /// association and the errno does not show why. With `EBADMSG` a cgroup BPF program
    /// (Linux 5.3 to 6.4) or a seccomp filter has overwritten the result of the peel-off,
    /// and no descriptor could be shown to be the new one.
    #[error("state of the association is unknown: {0}")]
    StateUnknown(Errno),

    /// The association was peeled off by a kernel before 4.13, and a flag could not be
    /// set on its descriptor.
    ///
    /// `socket` is the peeled-off descriptor. If it is dropped, the association ends.
    #[error("flag not set on the peeled-off descriptor: {errno}")]
    FlagsNotSet {
        /// The peeled-off descriptor, with none or one of the flags.
        socket: OwnedFd,
        /// The errno of fcntl.
        errno: Errno,
    },

    /// A [`Peeler`](crate::Peeler) has peeled off the association, and the descriptor
    /// table of the process was full when the descriptor was to be delivered.
    ///
    /// The helper thread of the `Peeler` keeps the descriptor.
    /// [`Parked::fetch`] returns it once a descriptor is available. If the [`Parked`] is
    /// dropped, the association ends.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    #[error("peeled-off descriptor could not be delivered (EMFILE)")]
    Undelivered(Parked),

    /// This crate does not support the operating system, or the operating system has no
    /// peel-off with flags, or getsockopt fails with `ENOSYS`.
    #[error("not supported on this system")]
    Unsupported,

    /// Any other errno of a call that did not affect the association.
    ///
    /// `EPERM` and `EACCES` come from a security module, a seccomp filter or a cgroup BPF
    /// program. `ENOMEM` and `ENOBUFS` mean that memory was short.
    #[error("system call failed: {0}")]
    Os(Errno),
}

/// The limit that the errno of [`Error::NoDescriptor`] names.
fn limit(errno: Errno) -> &'static str {
    if errno == Errno::NFILE {
        "ENFILE"
    } else {
        "EMFILE"
    }
}

impl Error {
    /// Returns the errno of the system call that failed.
    ///
    /// For an error that several errnos lead to, the value is always the same:
    /// `EOPNOTSUPP` for [`NotSctp`](Self::NotSctp), and `EINVAL`, or `EOPNOTSUPP` on
    /// FreeBSD, for [`NotOneToMany`](Self::NotOneToMany) and
    /// [`NotPeelable`](Self::NotPeelable). [`UnknownFlags`](Self::UnknownFlags), which
    /// is returned before any system call, has `EINVAL`.
    /// [`Unsupported`](Self::Unsupported) has none.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::NoSuchAssociation(_) | Self::NoSuchPeer(_) => Some(NOT_FOUND),
            Self::NotOneToMany | Self::NotPeelable => Some(WRONG_SOCKET),
            Self::UnknownFlags(_) => Some(Errno::INVAL),
            Self::NotSctp => Some(Errno::OPNOTSUPP),
            Self::NotSocket => Some(Errno::NOTSOCK),
            Self::BadDescriptor => Some(Errno::BADF),
            Self::SenderBlocked => Some(Errno::BUSY),
            Self::OptionsUnavailable(errno)
            | Self::NoDescriptor(errno)
            | Self::AssociationLost(errno)
            | Self::StateUnknown(errno)
            | Self::FlagsNotSet { errno, .. }
            | Self::Os(errno) => Some(*errno),
            #[cfg(feature = "std")]
            Self::Undelivered(_) => Some(Errno::MFILE),
            Self::Unsupported => None,
        }
    }

    /// Returns what the failed call did to the association.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        match self {
            Self::AssociationLost(_) => Effect::Terminated,
            Self::StateUnknown(_) => Effect::Unknown,
            Self::FlagsNotSet { .. } => Effect::PeeledOff,
            #[cfg(feature = "std")]
            Self::Undelivered(_) => Effect::PeeledOff,
            Self::NoSuchAssociation(_)
            | Self::NoSuchPeer(_)
            | Self::NotOneToMany
            | Self::NotPeelable
            | Self::NotSctp
            | Self::OptionsUnavailable(_)
            | Self::NotSocket
            | Self::BadDescriptor
            | Self::UnknownFlags(_)
            | Self::SenderBlocked
            | Self::NoDescriptor(_)
            | Self::Unsupported
            | Self::Os(_) => Effect::None,
        }
    }

    /// Returns whether the same call can succeed later: the association is not affected,
    /// and a descriptor, memory or a blocked sender was the reason.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::SenderBlocked
                | Self::NoDescriptor(_)
                | Self::Os(Errno::NOMEM | Errno::NOBUFS | Errno::INTR | Errno::AGAIN)
        )
    }
}

/// Converts to a [`std::io::Error`].
///
/// Errors whose errno alone would mislead are kept whole, and
/// [`downcast`](std::io::Error::downcast) returns them:
/// [`AssociationLost`](Error::AssociationLost) and
/// [`StateUnknown`](Error::StateUnknown), because the same errno elsewhere means that
/// nothing happened; [`FlagsNotSet`](Error::FlagsNotSet) and
/// [`Undelivered`](Error::Undelivered), which own the peeled-off
/// descriptor; [`OptionsUnavailable`](Error::OptionsUnavailable) and
/// [`Unsupported`](Error::Unsupported). All other errors become
/// their errno ([`std::io::Error::raw_os_error`]).
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        match (&error, error.errno()) {
            (Error::OptionsUnavailable(_), _) | (_, None) => {
                Self::new(std::io::ErrorKind::Unsupported, error)
            }
            (
                Error::AssociationLost(_)
                | Error::StateUnknown(_)
                | Error::FlagsNotSet { .. }
                | Error::Undelivered(_),
                Some(errno),
            ) => Self::new(Self::from(errno).kind(), error),
            (_, Some(errno)) => errno.into(),
        }
    }
}
