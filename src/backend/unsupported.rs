//! Systems without these options: it compiles, and every use is an error.

use core::ffi::c_int;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;

use crate::layout::Plain;

pub(crate) fn getsockopt<T: Plain + ?Sized>(
    _socket: BorrowedFd<'_>,
    _option: c_int,
    _value: &mut T,
) -> Result<c_int, Errno> {
    Err(Errno::NOSYS)
}

pub(crate) fn sctp_socket() -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}
