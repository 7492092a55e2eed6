//! A peeled-off association that could not be delivered.

use core::ffi::c_int;
use std::sync::Arc;

use crate::flags::PeeloffFlags;
use crate::helper::{Helper, NOTHING_KEPT};

/// A peeled-off association whose descriptor the helper thread of a
/// [`Peeler`](crate::Peeler) keeps.
///
/// **If this value is dropped, the association ends**, as if its descriptor had been
/// closed. The association also ends when the process calls `execve(2)` or exits.
#[derive(Debug)]
#[must_use = "if this value is dropped, the association ends"]
pub struct Parked {
    pub(crate) helper: Arc<Helper>,
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
