//! A file descriptor table that the calling thread shares with no other thread.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use core::ffi::{c_int, c_uint};
use core::mem::MaybeUninit;
use core::ptr;
use std::fs;
use std::vec::Vec;

use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};

/// Blocks all signals in the calling thread. libc leaves those out that it needs itself,
/// such as the one for setuid(2).
pub(super) fn block_signals() -> Result<(), Errno> {
    let mut all = MaybeUninit::uninit();
    // SAFETY: sigfillset initializes the set, and both calls only access this set and the
    // signal mask of the calling thread.
    let errno = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut())
    };
    check(errno == 0, || errno)
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
        close_range(c_uint::MAX, c_uint::MAX, libc::CLOSE_RANGE_UNSHARE)
            .or_else(|_| unshare_unsafe(UnshareFlags::FILES))
    }
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

/// The same without `close_range(2)`.
///
/// # Safety
///
/// As for [`close_all_but`].
unsafe fn close_listed(kept: RawFd) -> Result<(), Errno> {
    let folder = std::format!("/proc/self/task/{}/fd", gettid().as_raw_nonzero());
    let failed = |error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let mut open = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        open.extend(name.to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for fd in open.into_iter().filter(|fd| *fd != kept) {
        // The call fails for the descriptor of the folder, which is closed already.
        // SAFETY: the caller guarantees that nothing owns the descriptor.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// # Safety
///
/// Nothing may own the descriptors that the call closes. With `CLOSE_RANGE_UNSHARE` the
/// caller must guarantee the same as for [`unshare`].
unsafe fn close_range(first: c_uint, last: c_uint, flags: c_uint) -> Result<(), Errno> {
    // SAFETY: the call accesses no memory, and the caller guarantees the rest.
    let returned = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    // SAFETY: libc guarantees that the location of the thread's errno is readable.
    check(returned == 0, || unsafe { *libc::__errno_location() })
}

fn check(succeeded: bool, errno: impl FnOnce() -> c_int) -> Result<(), Errno> {
    if succeeded {
        return Ok(());
    }
    Err(Errno::from_raw_os_error(errno()))
}
