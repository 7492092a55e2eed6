//! The id of an association.

use core::ffi::c_int;
use core::fmt;

/// `sctp_assoc_t`—The id of an association on its socket.
///
/// A signed 32-bit integer that the kernel chooses. The ids of kernels before 5.0 start
/// at 1. The ids of later kernels start at 3, because on these kernels 0, 1 and 2 mean
/// future, current and all associations. This crate accepts every value. If a value is
/// not an id, the kernel returns `EINVAL`, or `ENOENT` on FreeBSD.
///
/// On FreeBSD, `sctp_assoc_t` is an unsigned 32-bit integer, and `AssocId` contains the
/// same bits. The ids of each one-to-many socket start at 3, so associations on different
/// sockets can have the same id.
#[doc(alias = "sctp_assoc_t")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct AssocId(c_int);

impl AssocId {
    /// Converts an `sctp_assoc_t` to an `AssocId`.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// Returns the `sctp_assoc_t`.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl From<i32> for AssocId {
    fn from(raw: i32) -> Self {
        Self(raw)
    }
}

impl From<AssocId> for i32 {
    fn from(id: AssocId) -> Self {
        id.0
    }
}

impl fmt::Display for AssocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
