//! Linux and FreeBSD through libc.
#![expect(unsafe_code, reason = "calls of libc functions")]

use core::ffi::c_int;
use core::ptr;

#[cfg(target_os = "linux")]
use libc::__errno_location as errno_location;
#[cfg(target_os = "freebsd")]
use libc::__error as errno_location;
use rustix::fd::RawFd;

use crate::uapi::{Plain, SOL_SCTP};

#[inline]
pub(crate) fn getsockopt<T: Plain + ?Sized>(fd: RawFd, option: c_int, value: &mut T) -> c_int {
    // Only a list can be longer, and the kernel refuses lists of 2 GiB and more.
    let mut len = libc::socklen_t::try_from(size_of_val(value)).unwrap_or(libc::socklen_t::MAX);
    let value = ptr::from_mut(value).cast();
    // SAFETY: `value` and `len` are live and exclusively borrowed. The kernel writes at
    // most `len` bytes, which is at most the size of `value`; `Plain` guarantees that
    // any bytes are a valid `T`.
    or_errno(unsafe { libc::getsockopt(fd, SOL_SCTP, option, value, &raw mut len) })
}

#[expect(clippy::cast_possible_truncation, reason = "structs are short")]
pub(crate) fn setsockopt<T: Plain>(fd: RawFd, option: c_int, value: &T) -> c_int {
    let len = size_of::<T>() as libc::socklen_t;
    let value = ptr::from_ref(value).cast();
    // SAFETY: `value` is live, and `Plain` guarantees that all of its bytes are
    // initialized. The kernel reads `len` bytes.
    or_errno(unsafe { libc::setsockopt(fd, SOL_SCTP, option, value, len) })
}

/// The value in the kernel's convention.
#[inline]
pub(super) fn or_errno(returned: c_int) -> c_int {
    if returned != -1 {
        return returned;
    }
    // SAFETY: libc guarantees that the location of the thread's errno is readable.
    -unsafe { *errno_location() }
}
