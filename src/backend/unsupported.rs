//! Systems without these options: the crate compiles, and every call fails.

use core::ffi::c_int;

use rustix::fd::{BorrowedFd, RawFd};
use rustix::io::Errno;

use crate::uapi::Plain;

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
