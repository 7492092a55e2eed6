//! Selects the backend that makes the system calls.
//!
//! Every backend has the same functions, for options at the level `SOL_SCTP`:
//!
//! - `getsockopt(fd, option, value)` returns the result, which is not always 0;
//! - `setsockopt(fd, option, value)`;
//! - `is_sctp(socket)` and `is_one_to_one(socket)` read `SO_PROTOCOL` and `SO_TYPE`.

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

pub(crate) use imp::{getsockopt, setsockopt};
#[cfg(not(target_os = "linux"))]
pub(crate) use imp::{is_one_to_one, is_sctp};
#[cfg(target_os = "linux")]
pub(crate) use kind::{is_one_to_one, is_sctp};
