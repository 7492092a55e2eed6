//! A file descriptor table that the calling thread shares with no other thread.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use core::ffi::{c_int, c_long, c_uint};
use core::ptr;
use std::vec::Vec;
use std::{fs, io};

use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// `sigset_t` of glibc and of musl: 128 bytes on every architecture.
#[repr(C, align(16))]
struct SignalSet([u8; 128]);

// The crate libc is not required for these functions, because std already links to libc.
unsafe extern "C" {
    fn sigfillset(set: *mut SignalSet) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

const IS_MIPS: bool = cfg!(any(
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6",
));
const IS_SPARC: bool = cfg!(any(target_arch = "sparc", target_arch = "sparc64"));
const SIG_BLOCK: c_int = (IS_MIPS || IS_SPARC) as c_int;
const SYS_CLOSE_RANGE: c_long = match (IS_MIPS, size_of::<usize>()) {
    (true, 4) => 4436,
    (true, _) => 5436,
    (false, _) => 436,
};
const CLOSE_RANGE_UNSHARE: c_uint = 2;

/// Blocks all signals in the calling thread. libc excludes the signals that it needs
/// itself, such as the signal for setuid(2).
pub(super) fn block_signals() -> Result<(), Errno> {
    let mut all = SignalSet([0; 128]);
    // SAFETY: both calls only access this set and the signal mask of the calling thread.
    let errno = unsafe {
        sigfillset(&raw mut all);
        pthread_sigmask(SIG_BLOCK, &raw const all, ptr::null_mut())
    };
    match errno {
        0 => Ok(()),
        errno => Err(Errno::from_raw_os_error(errno)),
    }
}

/// Gives the calling thread a copy of its descriptor table.
///
/// # Safety
///
/// From here on, the calling thread must not use a descriptor that another thread owns,
/// and no other thread may use a descriptor that the calling thread creates.
pub(super) unsafe fn unshare() -> Result<(), Errno> {
    // close_range comes first, because seccomp filters of containers refuse unshare. The
    // range is above all descriptors.
    // SAFETY: the caller guarantees what unshare requires. The call closes nothing.
    unsafe {
        close_range(c_uint::MAX, c_uint::MAX, CLOSE_RANGE_UNSHARE)
            .or_else(|_| unshare_unsafe(UnshareFlags::FILES))
    }
}

/// Clears `FD_CLOEXEC` of the descriptor. A descriptor has a separate flag in each table. If
/// the flag is still set in the other threads' table afterwards, [`unshare`] has taken
/// effect. A seccomp filter can make `unshare` return success without effect.
pub(super) fn mark(channel: &OwnedFd) -> Result<(), Errno> {
    fcntl_setfd(channel, FdFlags::empty())?;
    if is_marked(channel)? {
        return Ok(());
    }
    Err(Errno::PERM)
}

/// Whether `FD_CLOEXEC` is clear in the calling thread's table.
pub(super) fn is_marked(channel: impl AsFd) -> Result<bool, Errno> {
    Ok(!fcntl_getfd(channel)?.contains(FdFlags::CLOEXEC))
}

/// Closes all descriptors but one.
///
/// # Safety
///
/// The descriptor table must be the calling thread's own, and the calling thread must own
/// no other descriptor.
pub(super) unsafe fn close_all_but(kept: &OwnedFd) -> Result<(), Errno> {
    let kept = kept.as_raw_fd();
    let number = c_uint::try_from(kept).map_err(|_| Errno::BADF)?;
    // SAFETY: the caller guarantees that nothing owns the descriptors that are closed.
    unsafe {
        close_range(number + 1, c_uint::MAX, 0)
            .and_then(|()| match number.checked_sub(1) {
                Some(last) => close_range(0, last, 0),
                None => Ok(()),
            })
            .or_else(|_| close_listed(kept))
    }
}

/// Does the same as [`close_all_but`], without `close_range(2)`.
///
/// # Safety
///
/// As for [`close_all_but`].
unsafe fn close_listed(kept: RawFd) -> Result<(), Errno> {
    let failed = |error| errno_of(&error);
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/thread-self/fd").map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        open.extend(name.to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for fd in open.into_iter().filter(|fd| *fd != kept) {
        // The list includes the descriptor of the folder. This descriptor is already
        // closed, so the call fails for it. With debug assertions, rustix's function would
        // panic.
        // SAFETY: the caller guarantees that nothing owns the descriptor.
        unsafe { close(fd) };
    }
    Ok(())
}

/// # Safety
///
/// Nothing may own the descriptors that the call closes. With `CLOSE_RANGE_UNSHARE` the
/// caller must guarantee the same as for [`unshare`].
unsafe fn close_range(first: c_uint, last: c_uint, flags: c_uint) -> Result<(), Errno> {
    // SAFETY: the call accesses no memory, and the caller guarantees the rest.
    match unsafe { syscall(SYS_CLOSE_RANGE, first, last, flags) } {
        0 => Ok(()),
        _ => Err(errno_of(&io::Error::last_os_error())),
    }
}

pub(super) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
