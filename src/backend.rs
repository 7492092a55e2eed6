//! Selects the backend that makes the system calls.
//!
//! Every backend has the same functions, for options at the level `SOL_SCTP`:
//!
//! - `getsockopt(fd, option, value)` and `setsockopt(fd, option, value)` return what the
//!   kernel returns: an errno as a value from -4095 to -1;
//! - `is_sctp(socket)` and `is_one_to_one(socket)` read `SO_PROTOCOL` and `SO_TYPE`.

use core::ffi::c_int;

use rustix::fd::RawFd;
use rustix::io::Errno;

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
mod imp;

#[cfg(all(
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
))]
#[path = "backend/libc.rs"]
mod imp;

#[cfg(not(target_os = "linux"))]
#[path = "backend/unsupported.rs"]
mod imp;

#[cfg(target_os = "linux")]
#[path = "backend/kind.rs"]
mod kind;

pub(crate) use imp::getsockopt as getsockopt_raw;
#[cfg(not(target_os = "linux"))]
pub(crate) use imp::{is_one_to_one, is_sctp};
#[cfg(target_os = "linux")]
pub(crate) use kind::{is_one_to_one, is_sctp};

pub(crate) fn getsockopt<T: Plain + ?Sized>(
    fd: RawFd,
    option: c_int,
    value: &mut T,
) -> Result<c_int, Errno> {
    result(getsockopt_raw(fd, option, value))
}

pub(crate) fn setsockopt<T: Plain>(fd: RawFd, option: c_int, value: &T) -> Result<(), Errno> {
    result(imp::setsockopt(fd, option, value)).map(drop)
}

/// Separates the errno from other values.
pub(crate) fn result(returned: c_int) -> Result<c_int, Errno> {
    if let -4095..=-1 = returned {
        return Err(Errno::from_raw_os_error(-returned));
    }
    Ok(returned)
}
