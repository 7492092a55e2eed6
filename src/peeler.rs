//! Peels off associations in a thread that has its own file descriptor table.

use std::sync::Arc;

use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::diagnose;
use crate::error::Error;
use crate::fallback;
use crate::flags::PeeloffFlags;
use crate::guard;
use crate::helper::{Helper, NOTHING_KEPT, PEEL_OFF, Reply};
use crate::parked::Parked;

/// Peels off associations without a race for the last free file descriptor.
///
/// [`peeloff`](crate::peeloff()) and [`peeloff_flags`](crate::peeloff_flags) check for a
/// free descriptor before the peel-off. If another thread takes that descriptor between
/// the check and the peel-off, the kernel terminates the association. A `Peeler` has a
/// helper thread with its own file descriptor table, which no other thread uses. The
/// helper thread peels off the association into this table and passes the descriptor to
/// the process. If the table of the process is full, the helper thread keeps the
/// descriptor, and the peel-off fails with [`Error::Undelivered`].
///
/// A `Peeler` sets `FD_CLOEXEC` atomically on every kernel, even before Linux 4.13.
///
/// One `Peeler` can serve all sockets and threads of a process. It performs one peel-off
/// at a time. The chapter [`cost`](crate::guide::cost) compares the cost of a peel-off
/// with and without a `Peeler`.
///
/// Known limitation: a `Peeler` does not prevent the other failures after which the
/// kernel terminates an association. The causes are the system-wide limit on open files
/// (`ENFILE`) and a lack of memory.
///
/// ```no_run
/// use sctp_peeloff::{Error, PeeloffFlags, Peeler};
/// # fn example(server: std::os::fd::OwnedFd, id: sctp_peeloff::AssocId) -> Result<(), Error> {
///
/// let peeler = Peeler::new()?;
/// let peeled = match peeler.peeloff_flags(&server, id, PeeloffFlags::CLOEXEC) {
///     Err(Error::Undelivered(parked)) => {
///         // Close descriptors that are not needed, and then:
///         parked.fetch()?
///     }
///     result => result?,
/// };
/// # Ok(())
/// # }
/// ```
///
/// # The helper thread
///
/// - A socket pair connects the helper thread to the process. One descriptor of the pair
///   is in the helper thread's table, and the other is in the process's table. The helper
///   thread holds a duplicate of the one-to-many socket only during a call.
/// - The helper thread blocks all signals, so that no signal handler runs with the helper
///   thread's descriptor table.
/// - The helper thread ends when the `Peeler` and all its [`Parked`] associations have been
///   dropped.
/// - The limit of the process (`RLIMIT_NOFILE`) also applies to the helper thread's
///   descriptor table. If that table is full of parked descriptors, a peel-off fails with
///   [`NoDescriptor`](Error::NoDescriptor).
/// - The helper thread is in the network namespace of the thread that called
///   [`new`](Self::new). If the socket is in another network namespace, the peel-off
///   fails with [`NotPeelable`](Error::NotPeelable).
/// - A child process that was created by `fork(2)` has no helper thread. In the child,
///   every call fails with [`Error::Os`] or [`Error::StateUnknown`], both with the errno
///   `EPIPE`. If a seccomp filter has ended the helper thread, calls fail in the same
///   way.
#[derive(Debug)]
pub struct Peeler {
    helper: Arc<Helper>,
}

impl Peeler {
    /// `unshare(CLONE_FILES)`—Starts a helper thread with its own file descriptor table.
    ///
    /// The new table is a copy of the process's table. The helper thread closes all
    /// descriptors in the copy before this function returns. Until then, the copy has the
    /// same effects as the copy that `fork(2)` makes. If another thread closes a
    /// descriptor, the kernel releases the file only after the helper thread has closed
    /// its copy of this descriptor. For example, this delays the FIN of a TCP connection.
    /// POSIX record locks are not affected.
    ///
    /// The function requires either `close_range(2)` (Linux 5.9 and later), or both
    /// `unshare(2)` and a mounted `/proc`. Docker's default seccomp profile allows
    /// `close_range(2)`.
    ///
    /// # Errors
    ///
    /// | error | errno | when |
    /// |---|---|---|
    /// | [`NoDescriptor`](Error::NoDescriptor) | `EMFILE`, `ENFILE` | fewer than two descriptors are free; the `Peeler` keeps one open |
    /// | [`Unsupported`](Error::Unsupported) | – | the system is not Linux |
    /// | [`Os`](Error::Os) | `EAGAIN` | the system cannot create another thread |
    /// | [`Os`](Error::Os) | `EPERM`, `ENOENT` | a seccomp filter refuses the system calls, or `/proc` is required and not mounted; if the filter refuses `fcntl(2)`, one descriptor of the process stays open |
    /// | [`Os`](Error::Os) | `ETIMEDOUT` | the helper thread is not ready after five seconds, for example because a seccomp filter has terminated it; one descriptor of the process stays open |
    /// | [`Os`](Error::Os) | any other | – |
    #[doc(alias = "unshare")]
    pub fn new() -> Result<Self, Error> {
        match Helper::start() {
            Ok(helper) => Ok(Self {
                helper: Arc::new(helper),
            }),
            Err(errno @ (Errno::MFILE | Errno::NFILE)) => Err(Error::NoDescriptor(errno)),
            Err(Errno::NOSYS) => Err(Error::Unsupported),
            Err(errno) => Err(Error::Os(errno)),
        }
    }

    /// `sctp_peeloff(socket, assoc)`—Peels off an association from a one-to-many socket
    /// into a descriptor of its own.
    ///
    /// The new descriptor has neither `O_NONBLOCK` nor `FD_CLOEXEC`.
    ///
    /// # Errors
    ///
    /// The errors of [`peeloff`](crate::peeloff()), and
    /// [`Undelivered`](Error::Undelivered).
    pub fn peeloff(&self, socket: impl AsFd, assoc: AssocId) -> Result<OwnedFd, Error> {
        self.peeloff_flags(socket, assoc, PeeloffFlags::empty())
    }

    /// `sctp_peeloff_flags(socket, assoc, flags)`—Peels off an association from a
    /// one-to-many socket into a descriptor of its own, with flags.
    ///
    /// Like [`peeloff_flags`](crate::peeloff_flags), this function first checks for a free
    /// descriptor, so that [`Undelivered`](Error::Undelivered) is rare.
    ///
    /// # Errors
    ///
    /// The errors of [`peeloff_flags`](crate::peeloff_flags), and
    /// [`Undelivered`](Error::Undelivered). The error is [`Os`](Error::Os) with
    /// `ETOOMANYREFS` if Unix sockets of this user contain more descriptors than the limit
    /// permits (see `unix(7)`).
    pub fn peeloff_flags(
        &self,
        socket: impl AsFd,
        assoc: AssocId,
        flags: PeeloffFlags,
    ) -> Result<OwnedFd, Error> {
        let unknown = flags.difference(PeeloffFlags::all());
        if !unknown.is_empty() {
            return Err(Error::UnknownFlags(unknown));
        }
        let socket = socket.as_fd();
        guard::descriptor_free(socket)?;
        let request = [PEEL_OFF, assoc.as_raw()];
        match self.helper.request(request, Some(socket), flags) {
            Ok(Reply::Delivered(peeled)) => set_nonblock(peeled, flags),
            Ok(Reply::Kept(number)) => Err(Error::Undelivered(Parked {
                helper: self.helper.clone(),
                number,
                flags,
            })),
            Ok(Reply::NotTried(errno @ (Errno::MFILE | Errno::NFILE))) => {
                Err(Error::NoDescriptor(errno))
            }
            Ok(Reply::NotTried(Errno::BADF)) => Err(Error::BadDescriptor),
            Ok(Reply::NotTried(errno)) => Err(Error::Os(errno)),
            // The helper thread may still peel off the association, so a query would prove
            // nothing.
            Ok(Reply::Missing(errno)) => Err(Error::StateUnknown(errno)),
            Err(errno) => Err(diagnose::peeloff_error(socket, assoc, errno)),
        }
    }
}

/// Sets NONBLOCK. The delivery has already set CLOEXEC. NONBLOCK need not be set atomically,
/// because the caller does not have the descriptor yet.
fn set_nonblock(peeled: OwnedFd, flags: PeeloffFlags) -> Result<OwnedFd, Error> {
    fallback::set_flags(peeled, flags.difference(PeeloffFlags::CLOEXEC))
}

impl Parked {
    /// Returns the peeled-off descriptor, with the flags that were requested.
    ///
    /// # Errors
    ///
    /// | error | errno | state of the association |
    /// |---|---|---|
    /// | [`Undelivered`](Error::Undelivered) | `EMFILE` | peeled off, and in the new error's `Parked` |
    /// | [`FlagsNotSet`](Error::FlagsNotSet) | any | peeled off, into the error's `socket` |
    /// | [`StateUnknown`](Error::StateUnknown) | `EPIPE`, any other | **unknown**: the helper thread has ended or is ending, which closes its descriptors; in a child of `fork(2)`, the helper thread of the parent still keeps the descriptor |
    pub fn fetch(mut self) -> Result<OwnedFd, Error> {
        match self.helper.fetch(self.number, self.flags) {
            Ok(Reply::Delivered(peeled)) => {
                self.number = NOTHING_KEPT;
                set_nonblock(peeled, self.flags)
            }
            Ok(Reply::Kept(_)) => Err(Error::Undelivered(self)),
            // The request could not be sent, so the helper thread still keeps the descriptor.
            // EPIPE means that the helper thread has ended, or that this process is a child.
            Ok(Reply::NotTried(errno)) if errno != Errno::PIPE => Err(Error::Undelivered(self)),
            Ok(Reply::NotTried(errno) | Reply::Missing(errno)) | Err(errno) => {
                Err(Error::StateUnknown(errno))
            }
        }
    }
}
