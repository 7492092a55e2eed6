//! `peeloff_flags` on systems that cannot peel off with flags.

use rustix::fd::{BorrowedFd, OwnedFd};
#[cfg(feature = "std")]
use rustix::io::Errno;

use crate::assoc_id::AssocId;
use crate::error::Error;
use crate::flags::PeeloffFlags;

/// Fails if there are flags.
pub(crate) fn check(flags: PeeloffFlags) -> Result<(), Error> {
    if flags.is_empty() {
        Ok(())
    } else {
        Err(Error::Unsupported)
    }
}

pub(crate) fn peeloff_flags(
    _socket: BorrowedFd<'_>,
    _assoc: AssocId,
    _flags: PeeloffFlags,
) -> Result<OwnedFd, Error> {
    Err(Error::Unsupported)
}

pub(crate) fn supports_flags(_socket: BorrowedFd<'_>) -> Result<bool, Error> {
    Err(Error::Unsupported)
}

/// No call succeeds that is followed by this one.
#[cfg(feature = "std")]
pub(crate) fn set_flags(socket: OwnedFd, _flags: PeeloffFlags) -> Result<OwnedFd, Error> {
    let errno = Errno::NOSYS;
    Err(Error::FlagsNotSet { socket, errno })
}
