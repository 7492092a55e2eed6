//! Systems without descriptor tables of threads: no helper thread starts.

use core::ffi::c_int;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;

use crate::flags::PeeloffFlags;

pub(crate) const PEEL_OFF: c_int = 0;
pub(crate) const FETCH: c_int = 1;
pub(crate) const NOTHING_KEPT: c_int = -1;

#[derive(Debug)]
pub(crate) enum Helper {}

#[expect(dead_code, reason = "no helper thread replies")]
pub(crate) enum Reply {
    Delivered(OwnedFd),
    Kept(c_int),
    NotTried(Errno),
    Missing(Errno),
}

impl Helper {
    pub(crate) fn start() -> Result<Self, Errno> {
        Err(Errno::NOSYS)
    }

    pub(crate) fn request(
        &self,
        _request: [c_int; 2],
        _socket: Option<BorrowedFd<'_>>,
        _flags: PeeloffFlags,
    ) -> Result<Reply, Errno> {
        match *self {}
    }

    pub(crate) fn release(&self, _number: c_int) {
        match *self {}
    }
}
