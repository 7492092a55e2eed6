//! Who makes the system calls, as one table.
//!
//! Each backend has the same two functions:
//!
//! - `getsockopt(socket, option, value)`: the `SOL_SCTP` option; what the kernel
//!   returns, which is not always 0.
//! - `sctp_socket()`: a new SCTP socket.

#[cfg(target_os = "linux")]
use core::ffi::c_int;

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

pub(crate) use imp::{getsockopt, sctp_socket};

// What socket(2) takes: the same on every processor, as SOCK_STREAM would not be,
// but for the flag.
#[cfg(target_os = "linux")]
const AF_INET: c_int = 2;
#[cfg(target_os = "linux")]
#[expect(clippy::cast_possible_wrap, reason = "the flag is not the highest bit")]
const SOCK_SEQPACKET_CLOEXEC: c_int = 5 | crate::PeeloffFlags::CLOEXEC.bits() as c_int;
#[cfg(target_os = "linux")]
const IPPROTO_SCTP: c_int = 132;
