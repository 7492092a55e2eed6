//! `sctp_peeloff(3)` and `sctp_peeloff_flags(3)` for C programs.
//!
//! `include/sctp_peeloff.h` documents both functions. This file converts the arguments
//! and the result; the functions themselves are those of the Rust library.
#![no_std]

use core::ffi::{c_int, c_uint};
use core::panic::PanicInfo;

use errno::{errno, set_errno};
use peeloff::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use peeloff::{AssocId, Effect, Errno, Error, PeeloffFlags};

/// `int sctp_peeloff(int sd, sctp_assoc_t assoc_id);`
#[expect(unsafe_code, reason = "an exported symbol")]
#[unsafe(no_mangle)]
pub extern "C" fn sctp_peeloff(sd: c_int, assoc_id: i32) -> c_int {
    call(sd, |socket| {
        peeloff::peeloff(socket, AssocId::from_raw(assoc_id))
    })
}

/// `int sctp_peeloff_flags(int sd, sctp_assoc_t assoc_id, unsigned flags);`
#[expect(unsafe_code, reason = "an exported symbol")]
#[unsafe(no_mangle)]
pub extern "C" fn sctp_peeloff_flags(sd: c_int, assoc_id: i32, flags: c_uint) -> c_int {
    let flags = PeeloffFlags::from_bits_retain(flags);
    call(sd, |socket| {
        peeloff::peeloff_flags(socket, AssocId::from_raw(assoc_id), flags)
    })
}

/// Calls the function and returns the file descriptor, or -1 with errno set.
#[inline]
fn call(sd: c_int, function: impl FnOnce(BorrowedFd<'_>) -> Result<OwnedFd, Error>) -> c_int {
    let before = errno();
    let (returned, errno) = match borrow(sd).and_then(function) {
        // A failed system call may have set errno through libc, although the function
        // succeeded.
        Ok(peeled) => (peeled.into_raw_fd(), before.0),
        // No error can carry the descriptor, and closing it would end the association.
        Err(Error::FlagsNotSet { socket, errno }) => (socket.into_raw_fd(), errno.raw_os_error()),
        Err(error) => (-1, errno_of(&error).raw_os_error()),
    };
    set_errno(errno::Errno(errno));
    returned
}

fn borrow<'a>(sd: c_int) -> Result<BorrowedFd<'a>, Error> {
    if sd < 0 {
        return Err(Error::BadDescriptor);
    }
    // SAFETY: `sd` is not -1, the only value that a `BorrowedFd` cannot have. The caller
    // keeps `sd` open until the function returns. If `sd` is not open, the system calls
    // fail with EBADF, as they do in C; no other code depends on it.
    #[expect(unsafe_code, reason = "C programs pass file descriptors as integers")]
    Ok(unsafe { BorrowedFd::borrow_raw(sd) })
}

/// The errno that distinguishes what happened to the association. On Linux, neither
/// `ECONNABORTED` nor `EIO` is an errno of the system calls themselves.
fn errno_of(error: &Error) -> Errno {
    match error.effect() {
        Effect::Terminated => Errno::CONNABORTED,
        Effect::Unknown | Effect::PeeledOff => Errno::IO,
        Effect::None if matches!(error, Error::OptionsUnavailable(_)) => Errno::NOSYS,
        Effect::None => error.errno().unwrap_or(Errno::NOSYS),
    }
}

/// The library does not panic; the compiler requires this function.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: abort(3) has no precondition.
    #[expect(unsafe_code, reason = "a C function")]
    unsafe {
        libc::abort()
    }
}
