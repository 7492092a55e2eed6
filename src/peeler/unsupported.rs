//! Systems without descriptor tables of threads: no helper thread starts.

use core::ffi::c_int;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;

use crate::error::Error;
use crate::flags::PeeloffFlags;

pub(super) const PEEL_OFF: c_int = 0;
pub(super) const FETCH: c_int = 1;
pub(super) const NOTHING_KEPT: c_int = -1;

#[derive(Debug)]
pub(super) enum Helper {}

impl Helper {
    pub(super) fn start() -> Result<Self, Error> {
        Err(Error::Unsupported)
    }

    pub(super) fn request(
        &self,
        _request: [c_int; 2],
        _socket: Option<BorrowedFd<'_>>,
        _flags: PeeloffFlags,
    ) -> Result<Result<OwnedFd, c_int>, Errno> {
        match *self {}
    }

    pub(super) fn release(&self, _number: c_int) {
        match *self {}
    }
}
