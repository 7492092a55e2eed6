//! Linux through libc.
#![expect(unsafe_code, reason = "calls of libc functions")]

use core::ffi::c_int;
use core::ptr;

use rustix::fd::RawFd;
use rustix::io::Errno;

use crate::uapi::{Plain, SOL_SCTP};

#[inline]
pub(crate) fn getsockopt<T: Plain + ?Sized>(
    fd: RawFd,
    option: c_int,
    value: &mut T,
) -> Result<c_int, Errno> {
    // Only a list can be longer, and the kernel refuses lists of 2 GiB and more.
    let mut len = libc::socklen_t::try_from(size_of_val(value)).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: `value` and `len` are live and exclusively borrowed. The kernel writes at
    // most `len` bytes, which is at most the size of `value`; `Plain` guarantees that
    // any bytes are a valid `T`.
    result(unsafe {
        libc::getsockopt(
            fd,
            SOL_SCTP,
            option,
            ptr::from_mut(value).cast(),
            &raw mut len,
        )
    })
}

#[expect(clippy::cast_possible_truncation, reason = "structs are short")]
pub(crate) fn setsockopt<T: Plain>(fd: RawFd, option: c_int, value: &T) -> Result<(), Errno> {
    // SAFETY: `value` is live, and `Plain` guarantees that all of its bytes are
    // initialized. The kernel reads as many bytes as the size says.
    result(unsafe {
        libc::setsockopt(
            fd,
            SOL_SCTP,
            option,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
    .map(drop)
}

#[inline]
fn result(returned: c_int) -> Result<c_int, Errno> {
    if returned >= 0 {
        return Ok(returned);
    }
    // SAFETY: libc guarantees that the location of the thread's errno is readable.
    Err(Errno::from_raw_os_error(unsafe {
        *libc::__errno_location()
    }))
}
