//! The flags of a peeled-off descriptor.

use rustix::fs::OFlags;

bitflags::bitflags! {
    /// `SOCK_NONBLOCK` and `SOCK_CLOEXEC`—The flags that [`peeloff_flags`] sets on the
    /// new descriptor.
    ///
    /// On Linux the new descriptor inherits neither flag from the one-to-many socket.
    /// [`peeloff_flags`] refuses all other bits, because the kernel ignores them.
    ///
    /// [`peeloff_flags`]: crate::peeloff_flags
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct PeeloffFlags: u32 {
        /// `SOCK_NONBLOCK`: calls on the descriptor fail with `EAGAIN` instead of
        /// blocking (`O_NONBLOCK`).
        #[doc(alias = "SOCK_NONBLOCK")]
        // On each architecture that Rust has a Linux target for, SOCK_NONBLOCK is
        // O_NONBLOCK and SOCK_CLOEXEC is O_CLOEXEC.
        const NONBLOCK = OFlags::NONBLOCK.bits();

        /// `SOCK_CLOEXEC`: `execve` closes the descriptor (`FD_CLOEXEC`).
        ///
        /// On Linux 4.13 and later the kernel creates the descriptor with this flag. On
        /// earlier kernels this crate sets the flag right after the peel-off. Known
        /// limitation: if another thread calls `fork` and `execve` between the peel-off
        /// and the setting of the flag, the new program inherits the descriptor. A
        /// [`Peeler`](crate::Peeler) sets the flag atomically on every kernel.
        #[doc(alias = "SOCK_CLOEXEC")]
        const CLOEXEC = OFlags::CLOEXEC.bits();
    }
}
