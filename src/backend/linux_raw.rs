//! Linux without a C library.
//!
//! `unsafe` here is the two system calls and the adoption of what socket(2)
//! returns. The pointers that getsockopt gets are those of a live `&mut T` and of
//! a local length; the kernel writes at most that length, and `Plain` says that
//! whatever it writes is a `T`.
//!
//! On riscv64 the functions are not inlined: Linux clobbers the vector registers in a
//! system call, as any function may, and linux-syscall does not tell the compiler.
#![expect(unsafe_code, reason = "system calls")]
#![cfg_attr(
    target_arch = "x86",
    expect(clippy::cast_sign_loss, reason = "socketcall takes an int as a word")
)]

use core::ffi::c_int;
use core::ptr;

use linux_syscall::{ResultSize, syscall};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;

use super::{AF_INET, IPPROTO_SCTP, SOCK_SEQPACKET_CLOEXEC};
use crate::layout::{Plain, SOL_SCTP};

#[cfg_attr(not(target_arch = "riscv64"), inline)]
#[cfg_attr(target_arch = "riscv64", inline(never))]
pub(crate) fn getsockopt<T: Plain + ?Sized>(
    socket: BorrowedFd<'_>,
    option: c_int,
    value: &mut T,
) -> Result<c_int, Errno> {
    // Only a list could be longer, and the kernel refuses any over 2 GiB.
    let mut len = u32::try_from(size_of_val(value)).unwrap_or(u32::MAX);
    let socket = socket.as_raw_fd();
    let value = ptr::from_mut(value).cast::<u8>();
    let len = &raw mut len;
    // SAFETY: see the module's page; `len` is at most the value's size.
    #[cfg(not(target_arch = "x86"))]
    let returned = unsafe {
        syscall!(
            linux_syscall::SYS_getsockopt,
            socket,
            SOL_SCTP,
            option,
            value,
            len
        )
    };
    // SAFETY: as above.
    #[cfg(target_arch = "x86")]
    let returned = unsafe {
        const SYS_GETSOCKOPT: usize = 15;
        socketcall(
            SYS_GETSOCKOPT,
            [
                socket as usize,
                SOL_SCTP as usize,
                option as usize,
                value as usize,
                len as usize,
            ],
        )
    };
    int(&returned)
}

#[cfg_attr(target_arch = "riscv64", inline(never))]
pub(crate) fn sctp_socket() -> Result<OwnedFd, Errno> {
    // SAFETY: socket(2) takes no pointer.
    #[cfg(not(target_arch = "x86"))]
    let returned = unsafe {
        syscall!(
            linux_syscall::SYS_socket,
            AF_INET,
            SOCK_SEQPACKET_CLOEXEC,
            IPPROTO_SCTP
        )
    };
    // SAFETY: as above.
    #[cfg(target_arch = "x86")]
    let returned = unsafe {
        const SYS_SOCKET: usize = 1;
        socketcall(
            SYS_SOCKET,
            [AF_INET, SOCK_SEQPACKET_CLOEXEC, IPPROTO_SCTP].map(|word| word as usize),
        )
    };
    let fd = int(&returned)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// On i386 the calls have numbers of their own only since 4.3; socketcall(2) is
/// older, and serves every kernel.
///
/// # Safety
///
/// Pointers among the words are as the call wants them.
#[cfg(target_arch = "x86")]
#[inline]
unsafe fn socketcall<const N: usize>(call: usize, words: [usize; N]) -> impl ResultSize {
    // SAFETY: the caller's promise; the words live through the call.
    unsafe { syscall!(linux_syscall::SYS_socketcall, call, words.as_ptr()) }
}

#[inline]
fn int(returned: &impl ResultSize) -> Result<c_int, Errno> {
    match returned.try_usize() {
        #[expect(clippy::cast_possible_truncation, reason = "an int in a register")]
        #[expect(clippy::cast_possible_wrap, reason = "an int in a register")]
        Ok(value) => Ok(value as c_int),
        Err(errno) => Err(Errno::from_raw_os_error(errno.get().into())),
    }
}
