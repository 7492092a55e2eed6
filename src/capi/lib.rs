//! The C functions of `sctp_peeloff(3)`; see `sctp_peeloff.h`.
#![no_std]

use core::ffi::{c_int, c_uint};
use core::panic::PanicInfo;

use errno::{Errno, errno, set_errno};
use peeloff::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use peeloff::{AssocId, Error, PeeloffFlags};

/// `int sctp_peeloff(int sd, sctp_assoc_t assoc_id)`.
#[expect(unsafe_code, reason = "an exported symbol")]
#[unsafe(no_mangle)]
pub extern "C" fn sctp_peeloff(sd: c_int, assoc_id: i32) -> c_int {
    call(sd, |socket| {
        peeloff::peeloff(socket, AssocId::from_raw(assoc_id))
    })
}

/// `int sctp_peeloff_flags(int sd, sctp_assoc_t assoc_id, unsigned flags)`.
#[expect(unsafe_code, reason = "an exported symbol")]
#[unsafe(no_mangle)]
pub extern "C" fn sctp_peeloff_flags(sd: c_int, assoc_id: i32, flags: c_uint) -> c_int {
    call(sd, |socket| {
        let flags = PeeloffFlags::from_bits_retain(flags);
        peeloff::peeloff_flags(socket, AssocId::from_raw(assoc_id), flags)
    })
}

fn call(sd: c_int, function: impl FnOnce(BorrowedFd<'_>) -> Result<OwnedFd, Error>) -> c_int {
    // The library may change errno in a call that succeeds.
    let before = errno();
    if sd < 0 {
        set_errno(Errno(libc::EBADF));
        return -1;
    }
    #[expect(unsafe_code, reason = "a file descriptor of a C program")]
    // SAFETY: it is not -1
    let socket = unsafe { BorrowedFd::borrow_raw(sd) };
    let (fd, after) = match function(socket) {
        Ok(peeled) => (peeled.into_raw_fd(), before),
        Err(Error::FlagsNotSet { socket, errno }) => {
            (socket.into_raw_fd(), Errno(errno.raw_os_error()))
        }
        Err(Error::AssociationLost(_)) => (-1, Errno(libc::ECONNABORTED)),
        Err(error) => (
            -1,
            Errno(error.errno().map_or(libc::ENOSYS, |errno| errno.raw_os_error())),
        ),
    };
    set_errno(after);
    fd
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[expect(unsafe_code, reason = "a C function")]
    // SAFETY: abort(3) has no precondition.
    unsafe {
        libc::abort()
    }
}
