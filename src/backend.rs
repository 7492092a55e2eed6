//! Selects the backend that makes the system calls.
//!
//! | system | `calls` | `system` |
//! |---|---|---|
//! | Linux | `linux_raw.rs` or `libc.rs` | `linux.rs` |
//! | FreeBSD | `libc.rs` | `freebsd.rs` |
//! | others | `unsupported.rs` | `unsupported.rs` |
//!
//! `calls` has the functions for options at the level `SOL_SCTP`:
//!
//! - `getsockopt(fd, option, value)` and `setsockopt(fd, option, value)` return what the
//!   kernel returns: an errno as a value from -4095 to -1.
//!
//! `system` has what differs between the systems:
//!
//! - `MOVES_FIRST`: whether a peel-off without a free descriptor terminates the
//!   association;
//! - `is_sctp(socket)` and `is_one_to_one(socket)`: the protocol and the style;
//! - `has_no_id_list(socket)`;
//! - `peeloff(socket, assoc)`. Linux has two options instead, in `sockopt/linux.rs`.

use core::ffi::c_int;

use rustix::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::uapi::Plain;

// Cargo.toml has the same condition, for the dependency on libc. A test compares the
// two.
#[cfg(all(
    target_os = "linux",
    target_endian = "little",
    not(miri),
    not(feature = "use-libc"),
    any(
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "riscv64",
        all(target_arch = "x86_64", target_pointer_width = "64"),
        all(target_arch = "aarch64", target_pointer_width = "64"),
    ),
))]
#[path = "backend/linux_raw.rs"]
mod calls;

#[cfg(any(
    target_os = "freebsd",
    all(
        target_os = "linux",
        not(all(
            target_endian = "little",
            not(miri),
            not(feature = "use-libc"),
            any(
                target_arch = "x86",
                target_arch = "arm",
                target_arch = "riscv64",
                all(target_arch = "x86_64", target_pointer_width = "64"),
                all(target_arch = "aarch64", target_pointer_width = "64"),
            ),
        )),
    ),
))]
#[path = "backend/libc.rs"]
mod calls;

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
#[path = "backend/unsupported.rs"]
mod calls;

#[cfg(target_os = "linux")]
#[path = "backend/linux.rs"]
mod system;

#[cfg(target_os = "freebsd")]
#[path = "backend/freebsd.rs"]
mod system;

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
use calls as system;

#[cfg(target_os = "linux")]
pub(crate) use calls::getsockopt as getsockopt_raw;
#[cfg(feature = "alloc")]
pub(crate) use system::has_no_id_list;
#[cfg(not(target_os = "linux"))]
pub use system::peeloff;
pub(crate) use system::{MOVES_FIRST, is_one_to_one, is_sctp};

pub(crate) fn getsockopt<T: Plain + ?Sized>(
    fd: RawFd,
    option: c_int,
    value: &mut T,
) -> Result<c_int, Errno> {
    result(calls::getsockopt(fd, option, value))
}

pub(crate) fn setsockopt<T: Plain>(fd: RawFd, option: c_int, value: &T) -> Result<(), Errno> {
    result(calls::setsockopt(fd, option, value)).map(drop)
}

/// Duplicates the descriptor and closes the duplicate. Fails with `EMFILE` or `ENFILE` if no
/// descriptor is free. The duplicate has CLOEXEC, so a program that another thread starts does
/// not inherit the duplicate.
#[inline]
pub(crate) fn duplicate_and_close(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    match fcntl_dupfd_cloexec(fd, 0) {
        Ok(zero) if zero.as_raw_fd() == 0 => close_zero(fd, zero),
        // RLIMIT_NOFILE is 0, so even descriptor 0 exceeds the limit.
        Err(Errno::INVAL) => return Err(Errno::MFILE),
        duplicate => drop(duplicate?),
    }
    Ok(())
}

/// A seccomp filter can return 0 without a duplication. Descriptor 0 then has another owner.
/// As long as a duplicate with the number 0 is open, no second duplicate has this number.
#[cold]
fn close_zero(fd: BorrowedFd<'_>, zero: OwnedFd) {
    match fcntl_dupfd_cloexec(fd, 0) {
        Ok(second) if second.as_raw_fd() == 0 => {
            let _not_ours = [zero, second].map(IntoRawFd::into_raw_fd);
        }
        second => drop((zero, second)),
    }
}

/// Separates the errno from other values.
pub(crate) fn result(returned: c_int) -> Result<c_int, Errno> {
    if let -4095..=-1 = returned {
        return Err(Errno::from_raw_os_error(-returned));
    }
    Ok(returned)
}
