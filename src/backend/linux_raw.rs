//! Linux without a C library.
//!
//! `unsafe` here is the two system calls and the adoption of what socket(2)
//! returns. The pointers that getsockopt gets are those of a live `&mut T` and of
//! a local length; the kernel writes at most that length, and `Plain` says that
//! whatever it writes is a `T`.
#![expect(unsafe_code, reason = "system calls")]
#![expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the kernel takes and returns words, and looks at the int in them"
)]

use core::ffi::c_int;
use core::ptr;

use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;

use super::{AF_INET, IPPROTO_SCTP, SOCK_SEQPACKET};
use crate::layout::{Plain, SOL_SCTP};

#[inline]
pub(crate) fn getsockopt<T: Plain + ?Sized>(
    socket: BorrowedFd<'_>,
    option: c_int,
    value: &mut T,
) -> Result<c_int, Errno> {
    // More than the kernel takes is more than a value has; it refuses either.
    let mut len = u32::try_from(size_of_val(value)).unwrap_or(u32::MAX);
    let words = [
        socket.as_raw_fd() as usize,
        SOL_SCTP as usize,
        option as usize,
        ptr::from_mut(value).cast::<u8>() as usize,
        &raw mut len as usize,
    ];
    // SAFETY: see the module's page; `len` is at most the value's size.
    result(unsafe { call::getsockopt(&words) })
}

pub(crate) fn sctp_socket() -> Result<OwnedFd, Errno> {
    let words = [
        AF_INET as usize,
        SOCK_SEQPACKET as usize,
        IPPROTO_SCTP as usize,
    ];
    // SAFETY: socket(2) takes no pointer.
    let fd = result(unsafe { call::socket(&words) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(not(target_arch = "x86"))]
mod call {
    use syscalls::{Errno, Sysno, syscall};

    /// # Safety
    ///
    /// The last two words point to a value and to its length.
    #[inline]
    pub(super) unsafe fn getsockopt(words: &[usize; 5]) -> Result<usize, Errno> {
        let [socket, level, option, value, len] = *words;
        // SAFETY: the caller's promise.
        unsafe { syscall!(Sysno::getsockopt, socket, level, option, value, len) }
    }

    /// # Safety
    ///
    /// None beyond that of any system call: it takes no pointer.
    pub(super) unsafe fn socket(words: &[usize; 3]) -> Result<usize, Errno> {
        let [domain, kind, protocol] = *words;
        // SAFETY: no pointers.
        unsafe { syscall!(Sysno::socket, domain, kind, protocol) }
    }
}

/// On i386 these calls have numbers of their own only since 4.3; socketcall(2) is
/// older, and serves every kernel.
#[cfg(target_arch = "x86")]
mod call {
    use syscalls::{Errno, Sysno, syscall};

    const SYS_SOCKET: usize = 1;
    const SYS_GETSOCKOPT: usize = 15;

    /// # Safety
    ///
    /// The last two words point to a value and to its length.
    #[inline]
    pub(super) unsafe fn getsockopt(words: &[usize; 5]) -> Result<usize, Errno> {
        // SAFETY: the caller's promise; the words live through the call.
        unsafe { syscall!(Sysno::socketcall, SYS_GETSOCKOPT, words.as_ptr()) }
    }

    /// # Safety
    ///
    /// None beyond that of any system call: the words hold no pointer.
    pub(super) unsafe fn socket(words: &[usize; 3]) -> Result<usize, Errno> {
        // SAFETY: the words live through the call.
        unsafe { syscall!(Sysno::socketcall, SYS_SOCKET, words.as_ptr()) }
    }
}

#[inline]
fn result(returned: Result<usize, syscalls::Errno>) -> Result<c_int, Errno> {
    match returned {
        Ok(value) => Ok(value as c_int),
        Err(errno) => Err(Errno::from_raw_os_error(errno.into_raw())),
    }
}
