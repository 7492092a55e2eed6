//! Linux through the C library.
//!
//! `unsafe` here is the two calls and the adoption of what socket(2) returns. The
//! pointers that getsockopt gets are those of a live `&mut T` and of a local
//! length; the kernel writes at most that length, and `Plain` says that whatever
//! it writes is a `T`.
#![expect(unsafe_code, reason = "calls of the C library")]

use core::ffi::c_int;
use core::ptr;

use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;

use super::{AF_INET, IPPROTO_SCTP, SOCK_SEQPACKET_CLOEXEC};
use crate::layout::{Plain, SOL_SCTP};

#[inline]
pub(crate) fn getsockopt<T: Plain + ?Sized>(
    socket: BorrowedFd<'_>,
    option: c_int,
    value: &mut T,
) -> Result<c_int, Errno> {
    // Only a list could be longer, and the kernel refuses any over 2 GiB.
    let mut len = libc::socklen_t::try_from(size_of_val(value)).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: see the module's page; `len` is at most the value's size.
    result(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            SOL_SCTP,
            option,
            ptr::from_mut(value).cast(),
            &raw mut len,
        )
    })
}

pub(crate) fn sctp_socket() -> Result<OwnedFd, Errno> {
    // SAFETY: socket(2) takes no pointer.
    let fd = result(unsafe { libc::socket(AF_INET, SOCK_SEQPACKET_CLOEXEC, IPPROTO_SCTP) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[inline]
fn result(returned: c_int) -> Result<c_int, Errno> {
    if returned >= 0 {
        return Ok(returned);
    }
    // SAFETY: the address of this thread's errno, which is always readable.
    Err(Errno::from_raw_os_error(unsafe {
        *libc::__errno_location()
    }))
}
