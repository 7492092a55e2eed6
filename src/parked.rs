//! A peeled-off association that could not be delivered.

use core::ffi::c_int;
use core::fmt::Debug;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use rustix::io::Errno;

use crate::flags::PeeloffFlags;
use crate::helper::{FETCH, Helper, NOTHING_KEPT, Reply};

/// The requests of a [`Parked`] to its helper thread. `Parked` makes them through a trait
/// object. So a program that does not use a [`Peeler`](crate::Peeler) does not contain
/// their code, although the type of its errors can contain a `Parked`.
pub(crate) trait Keeper: Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    fn fetch(&self, number: c_int, flags: PeeloffFlags) -> Result<Reply, Errno>;
    fn release(&self, number: c_int);
}

impl Keeper for Helper {
    fn fetch(&self, number: c_int, flags: PeeloffFlags) -> Result<Reply, Errno> {
        self.request([FETCH, number], None, flags)
    }

    fn release(&self, number: c_int) {
        self.release(number);
    }
}

/// A peeled-off association. The helper thread of a [`Peeler`](crate::Peeler) keeps its
/// descriptor.
///
/// **If this value is dropped, the association ends**, as if its descriptor had been
/// closed. The association also ends when the process calls `execve(2)` or exits.
#[derive(Debug)]
#[must_use = "if this value is dropped, the association ends"]
pub struct Parked {
    pub(crate) helper: Arc<dyn Keeper>,
    /// The descriptor in the helper thread's table.
    pub(crate) number: c_int,
    pub(crate) flags: PeeloffFlags,
}

impl Drop for Parked {
    fn drop(&mut self) {
        if self.number != NOTHING_KEPT {
            self.helper.release(self.number);
        }
    }
}
