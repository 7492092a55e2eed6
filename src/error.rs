//! What can go wrong, and what became of the association.

use core::net::SocketAddr;

use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::{AssocId, PeeloffFlags};

/// Why a call failed. Each variant says what became of the association.
///
/// Only after [`AssociationLost`](Self::AssociationLost) is the association gone
/// through the call; [`FlagsNotSet`](Self::FlagsNotSet) hands it over; all others
/// leave it where it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `EINVAL`: the one-to-many socket has no such association. It may have
    /// ended, or have been peeled off already.
    #[error(
        "the socket has no association {0}: it has ended, was peeled off already, or never was; look the id up again"
    )]
    NoSuchAssociation(AssocId),

    /// `EINVAL`: the socket has no association with this peer, or one that is
    /// still being set up and has no id yet.
    #[error("the socket has no association with {0}: wait until it is up, or check the address")]
    NoSuchPeer(SocketAddr),

    /// `EINVAL`, or `EOPNOTSUPP` to a list of ids: the socket was made as a
    /// one-to-one socket. Its association is untouched.
    #[error(
        "this is a one-to-one socket: its association is untouched, and has the socket for itself already; peel off from a SOCK_SEQPACKET socket"
    )]
    NotOneToMany,

    /// `EINVAL` though the association is there: the socket is a peeled-off one,
    /// or belongs to another network namespace than the caller. The association
    /// is untouched.
    #[error(
        "the association is untouched and cannot be peeled off: the socket is a peeled-off one already, or belongs to another network namespace; peel off from the one-to-many socket, in its namespace"
    )]
    NotPeelable,

    /// `EOPNOTSUPP` or `ENOPROTOOPT`: a socket of another protocol. It is
    /// untouched.
    #[error("this is not an SCTP socket: make one with IPPROTO_SCTP")]
    NotSctp,

    /// `ENOTSOCK`: a descriptor of something else than a socket. It is untouched.
    #[error("this descriptor is not a socket")]
    NotSocket,

    /// `EBADF`: the descriptor is closed, or opened with `O_PATH`.
    #[error("this descriptor is not open, or was opened with O_PATH")]
    BadDescriptor,

    /// `EINVAL`: bits that are no [`PeeloffFlags`], here alone. Refused before any
    /// system call; the association is untouched.
    #[error("unknown flags {0:?}: use NONBLOCK and CLOEXEC; the association is untouched")]
    UnknownFlags(PeeloffFlags),

    /// `EBUSY`: a sender is blocked on the association (kernels around 4.10 to
    /// 4.14). The association is untouched.
    #[error(
        "a sender is blocked on the association, which is untouched: try again once it is through"
    )]
    SenderBlocked,

    /// `EMFILE` or `ENFILE`: no descriptor is free. The association is untouched,
    /// and can be peeled off once there is room.
    #[error(
        "no descriptor is free ({0}); the association is untouched: close some, or raise RLIMIT_NOFILE (EMFILE) or fs.file-max or the memory limit (ENFILE), and try again"
    )]
    NoDescriptor(Errno),

    /// `EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS` or `EFAULT`, and the kernel has
    /// **destroyed** the association: it moves an association before it takes a
    /// descriptor for it. The peer sees it end.
    ///
    /// The same is said where the socket cannot be asked (a seccomp filter), and with
    /// `EBADMSG`: between Linux 5.3 and 6.4 a control group's BPF program can put 0 in
    /// place of getsockopt's answer, and the descriptor, if there is one, is unknown.
    #[error(
        "the association is lost ({0}): the kernel destroyed it, for lack of a descriptor or memory, or a control group's program hid its descriptor (EBADMSG); the peer has to associate again"
    )]
    AssociationLost(Errno),

    /// The association was peeled off, by a kernel before 4.13, and a flag could
    /// not be set on its descriptor.
    ///
    /// The association is alive, in `socket`; dropping that shuts it down.
    #[error(
        "the association was peeled off, but a flag could not be set on its descriptor ({errno}): take the descriptor out of this error, or the association ends with it"
    )]
    FlagsNotSet {
        /// The peeled-off descriptor, with none or some of the flags.
        socket: OwnedFd,
        /// Why the flag could not be set.
        errno: Errno,
    },

    /// Not Linux, or a kernel without SCTP.
    #[error(
        "this system has no SCTP: it takes a Linux kernel with CONFIG_IP_SCTP (load the module sctp, or install the package with the kernel's extra modules)"
    )]
    Unsupported,

    /// Anything else, as the kernel or a filter in front of it said it: `EPERM`
    /// and `EACCES` (a security module, seccomp, a cgroup's program) leave the
    /// association untouched, and so does `ENOMEM` here.
    #[error(
        "the system call failed ({0}); the association is untouched: with EPERM or EACCES look for a security module, seccomp or a control group's program"
    )]
    Os(Errno),
}

impl Error {
    /// The errno behind the error, or the one that stands for it: `EINVAL` for
    /// what was refused before a system call, and where several lead to the error
    /// (`NotOneToMany`, `NotSctp`) always the same. None where there is no SCTP.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::NoSuchAssociation(_)
            | Self::NoSuchPeer(_)
            | Self::NotOneToMany
            | Self::NotPeelable
            | Self::UnknownFlags(_) => Some(Errno::INVAL),
            Self::NotSctp => Some(Errno::OPNOTSUPP),
            Self::NotSocket => Some(Errno::NOTSOCK),
            Self::BadDescriptor => Some(Errno::BADF),
            Self::SenderBlocked => Some(Errno::BUSY),
            Self::NoDescriptor(errno)
            | Self::AssociationLost(errno)
            | Self::FlagsNotSet { errno, .. }
            | Self::Os(errno) => Some(*errno),
            Self::Unsupported => None,
        }
    }
}

/// Keeps the errno, as [`std::io::Error::raw_os_error`].
///
/// Two errors have more to carry than an errno, and are kept whole inside the
/// [`std::io::Error`], from where `downcast` takes them out:
/// [`FlagsNotSet`](Error::FlagsNotSet), whose descriptor would be closed and its
/// association shut down otherwise, and [`Unsupported`](Error::Unsupported), which
/// has no errno.
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        match error.errno() {
            None => Self::new(std::io::ErrorKind::Unsupported, error),
            Some(errno) if matches!(error, Error::FlagsNotSet { .. }) => {
                Self::new(Self::from(errno).kind(), error)
            }
            Some(errno) => errno.into(),
        }
    }
}
