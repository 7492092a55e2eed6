//! Systems without these options: the crate compiles, and every call fails.

use core::ffi::c_int;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::uapi::Plain;

/// No association is moved.
pub(crate) const MOVES_FIRST: bool = false;

/// Fails with `ENOSYS`: this crate does not support a peel-off on this system.
///
/// # Errors
///
/// `ENOSYS`, before any system call.
pub fn peeloff(_socket: impl AsFd, _assoc: AssocId) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

pub(crate) fn getsockopt<T: Plain + ?Sized>(_fd: RawFd, _option: c_int, _value: &mut T) -> c_int {
    -Errno::NOSYS.raw_os_error()
}

pub(crate) fn setsockopt<T: Plain>(_fd: RawFd, _option: c_int, _value: &T) -> c_int {
    -Errno::NOSYS.raw_os_error()
}

pub(crate) fn is_sctp(_socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Err(Errno::NOSYS)
}

pub(crate) fn is_one_to_one(_socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Err(Errno::NOSYS)
}

#[cfg(feature = "alloc")]
pub(crate) fn has_no_id_list(_socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Err(Errno::NOSYS)
}
