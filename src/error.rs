//! The error type, and the state of the association after each error.

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
    /// The call had no effect on the association.
    None,
    /// The association was peeled off. The error contains the peeled-off descriptor, or a
    /// handle from which the descriptor can be fetched.
    PeeledOff,
    /// The kernel terminated the association. The crate has checked that the association is
    /// no longer on the socket.
    Terminated,
    /// The state of the association could not be determined.
    Unknown,
}

/// The reason why a call failed.
///
/// [`effect`](Self::effect) returns what the call did to the association, and
/// [`is_temporary`](Self::is_temporary) returns whether a retry can succeed. The chapter
/// [`errors`](crate::guide::errors) shows how to handle an error in a few lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `EINVAL`, or `ENOENT` on FreeBSD: the one-to-many socket does not have this
    /// association.
    ///
    /// The association has ended or was peeled off already, or the id was never valid.
    /// If the association has ended, its messages may still be queued on the one-to-many
    /// socket. `recvmsg` returns these messages, and then the notification that the
    /// association has ended.
    #[error("no such association: {0}")]
    NoSuchAssociation(AssocId),

    /// `EINVAL`, or `ENOENT` on FreeBSD: the socket has no association with a peer that
    /// has this address, or the association is still being set up and has no id yet.
    ///
    /// Known limitation: if the peer has a link-local IPv6 address, `recvfrom` can return
    /// the address with a wrong scope id. No association is found for such an address.
    /// Linux 6.1 and earlier return a wrong scope id for every message. Later kernels do so
    /// only for fragmented messages (7.2 is the latest kernel that was tested). To find the
    /// id of such an association, use [`RcvInfo`](crate::RcvInfo).
    #[error("no association with {0}")]
    NoSuchPeer(SocketAddr),

    /// `EINVAL` from a peel-off, or `EOPNOTSUPP` from [`assoc_ids`](crate::assoc_ids): the
    /// socket is a one-to-one socket (`SO_TYPE` is `SOCK_STREAM`).
    ///
    /// On FreeBSD a peel-off fails with `EOPNOTSUPP`, and `assoc_ids` fails with `EINVAL`.
    /// To recognize a one-to-one socket after a failed peel-off on FreeBSD, the crate reads
    /// `SCTP_REUSE_PORT`. The kernel permits reading this option only on one-to-one sockets.
    /// On FreeBSD `assoc_ids` also returns `NotOneToMany` for a peeled-off socket.
    #[error("not a one-to-many socket")]
    NotOneToMany,

    /// The association is on the socket, but cannot be peeled off (`EINVAL`). The socket is
    /// already a peeled-off socket, or is not in the network namespace of the caller.
    ///
    /// On FreeBSD the errno is `EOPNOTSUPP` for a peeled-off socket, and `ENOTCONN` for an
    /// association that cannot move in its present state.
    #[error("association cannot be peeled off from this socket")]
    NotPeelable,

    /// The socket belongs to another protocol (`SO_PROTOCOL` is not `IPPROTO_SCTP`).
    #[error("not an SCTP socket")]
    NotSctp,

    /// `EOPNOTSUPP` or `ENOPROTOOPT` for an SCTP socket: an emulator or a sandbox blocks the
    /// SCTP options. Emulators such as qemu-user do not forward these options to the kernel.
    #[error("SCTP options are not available: {0}")]
    OptionsUnavailable(Errno),

    /// `ENOTSOCK`: the descriptor is not a socket.
    #[error("not a socket")]
    NotSocket,

    /// `EBADF`: the descriptor is not open, or was opened with `O_PATH`.
    #[error("bad file descriptor")]
    BadDescriptor,

    /// The flags contain bits that are not [`PeeloffFlags`]. The function makes no system
    /// call.
    #[error("unknown flags: {0:?}")]
    UnknownFlags(PeeloffFlags),

    /// `EBUSY`: a sender is blocked on the association (kernels from about 4.10 to about
    /// 4.14). Retry after the blocked send has completed.
    #[error("a sender is blocked on the association")]
    SenderBlocked,

    /// `EMFILE` or `ENFILE`: no file descriptor is available. The association is still on
    /// the one-to-many socket.
    ///
    /// To continue, close descriptors or raise the limit, and retry. For `EMFILE` the limit
    /// is `RLIMIT_NOFILE`. For `ENFILE` the limit is `fs.file-max` or the memory limit.
    ///
    /// Known limitation: on Linux this error comes from a check before the peel-off. If
    /// another thread takes the last free descriptor between the check and the peel-off,
    /// the kernel terminates the association, and the error is
    /// [`AssociationLost`](Self::AssociationLost).
    #[error("no file descriptor available ({})", limit(*.0))]
    NoDescriptor(Errno),

    /// `EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS` or `EFAULT`: the kernel **has terminated the
    /// association**.
    ///
    /// The kernel moves the association before it allocates the descriptor, and terminates
    /// the association if the allocation fails. The crate returns this error only if the
    /// socket no longer has the association. The peer sees the end of the association. The
    /// one-to-many socket gets no notification.
    #[error("association terminated by the kernel: {0}")]
    AssociationLost(Errno),

    /// The call failed, and the state of the association could not be determined.
    ///
    /// Either the socket could not be queried, or the socket no longer has the
    /// association and the errno does not show the reason. `EBADMSG` means that a cgroup
    /// BPF program (Linux 5.3 to 6.4) or a seccomp filter has overwritten the result of the
    /// peel-off, and the crate could not determine the new descriptor.
    #[error("state of the association is unknown: {0}")]
    StateUnknown(Errno),

    /// The association was peeled off, but a flag could not be set on the new descriptor.
    ///
    /// The error is possible on kernels before 4.13, and on all kernels if a
    /// [`Peeler`](crate::Peeler) sets `O_NONBLOCK`.
    ///
    /// `socket` is the peeled-off descriptor. If `socket` is dropped, the association ends.
    #[error("flag not set on the peeled-off descriptor: {errno}")]
    FlagsNotSet {
        /// The peeled-off descriptor, with none or one of the flags.
        socket: OwnedFd,
        /// The errno of fcntl.
        errno: Errno,
    },

    /// A [`Peeler`](crate::Peeler) has peeled off the association, but could not deliver
    /// the descriptor, usually because the descriptor table of the process was full.
    ///
    /// The `Peeler` has a helper thread, which keeps the peeled-off descriptor. When the
    /// table has room again, [`Parked::fetch`] returns the descriptor. If the [`Parked`]
    /// is dropped, the association ends. [`errno`](Self::errno) returns `EMFILE` for every
    /// cause.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    #[error("peeled-off descriptor could not be delivered")]
    Undelivered(Parked),

    /// This crate does not support the operating system, or the operating system has no
    /// peel-off with flags, or getsockopt fails with `ENOSYS`.
    #[error("not supported on this system")]
    Unsupported,

    /// Any other errno of a call that did not affect the association.
    ///
    /// `EPERM` and `EACCES` come from a security module, a seccomp filter or a cgroup BPF
    /// program. `ENOMEM` and `ENOBUFS` mean that the kernel ran short of memory.
    #[error("system call failed: {0}")]
    Os(Errno),
}

/// The name of the errno of [`Error::NoDescriptor`], for the message.
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
    /// [`NotSctp`](Self::NotSctp), [`NotOneToMany`](Self::NotOneToMany) and
    /// [`NotPeelable`](Self::NotPeelable) can each result from several errnos, and do not
    /// store the errno. For `NotSctp` the method returns `EOPNOTSUPP`. For the other two it
    /// returns `EINVAL`, or `EOPNOTSUPP` on FreeBSD.
    ///
    /// For [`UnknownFlags`](Self::UnknownFlags), which occurs without a system call, the
    /// method returns `EINVAL`. For [`Unsupported`](Self::Unsupported) it returns `None`.
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

    /// Returns whether the same call can succeed later.
    ///
    /// The result is `true` if both conditions hold: the association is not affected, and
    /// the cause was a blocked sender, a lack of descriptors or memory, or the errno `EINTR`,
    /// `EAGAIN` or `ETOOMANYREFS`.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::SenderBlocked
                | Self::NoDescriptor(_)
                | Self::Os(
                    Errno::NOMEM | Errno::NOBUFS | Errno::TOOMANYREFS | Errno::INTR | Errno::AGAIN
                )
        )
    }
}

/// Converts to a [`std::io::Error`].
///
/// Most errors are converted to an [`std::io::Error`] that contains only the errno
/// ([`raw_os_error`](std::io::Error::raw_os_error)). The following errors are wrapped
/// instead, and [`downcast`](std::io::Error::downcast) returns them:
///
/// - [`AssociationLost`](Error::AssociationLost) and [`StateUnknown`](Error::StateUnknown),
///   because the errno alone does not show that the association is terminated or that its
///   state is unknown;
/// - [`FlagsNotSet`](Error::FlagsNotSet) and [`Undelivered`](Error::Undelivered), because
///   they contain the peeled-off descriptor or its handle;
/// - [`OptionsUnavailable`](Error::OptionsUnavailable), because
///   [`NotSctp`](Error::NotSctp) has the same errnos;
/// - [`Unsupported`](Error::Unsupported), because it has no errno.
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
