//! The kernel's name for an association.

use core::ffi::c_int;
use core::fmt;

/// `sctp_assoc_t`—An association on its socket.
///
/// A signed 32-bit number that the kernel gives. Any number may be the id of an
/// association: kernels before 5.0 count from 1, later ones from 3, since there
/// 0, 1 and 2 stand for future, current and all associations. So nothing is
/// refused here; the kernel answers `EINVAL` to what is no id.
#[doc(alias = "sctp_assoc_t")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct AssocId(c_int);

impl AssocId {
    /// The id with this number.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// The number of this id.
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
