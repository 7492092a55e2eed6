//! The flags of a peeled-off descriptor.

use rustix::fs::OFlags;

bitflags::bitflags! {
    /// `SOCK_NONBLOCK` and `SOCK_CLOEXEC`—What [`peeloff_flags`] sets on the new
    /// descriptor.
    ///
    /// None of them is inherited from the one-to-many socket. Other bits are
    /// refused by [`peeloff_flags`], since the kernel would ignore them without
    /// a word.
    ///
    /// [`peeloff_flags`]: crate::peeloff_flags
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct PeeloffFlags: u32 {
        /// `SOCK_NONBLOCK`: calls on the descriptor return `EAGAIN` instead of
        /// waiting (`O_NONBLOCK`).
        #[doc(alias = "SOCK_NONBLOCK")]
        // SOCK_NONBLOCK is O_NONBLOCK, and SOCK_CLOEXEC is O_CLOEXEC, on each
        // processor that Rust has a Linux target for.
        const NONBLOCK = OFlags::NONBLOCK.bits();

        /// `SOCK_CLOEXEC`: `execve` closes the descriptor (`FD_CLOEXEC`).
        ///
        /// Since Linux 4.13 the descriptor is made with it. Before, it is set
        /// right after the peel-off, and a `fork` and `execve` of another thread
        /// in between lets that child inherit the descriptor; nothing outside
        /// the kernel can close that gap.
        #[doc(alias = "SOCK_CLOEXEC")]
        const CLOEXEC = OFlags::CLOEXEC.bits();
    }
}
