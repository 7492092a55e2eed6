//! A socket's ids, in a buffer of the right size.

use alloc::vec::Vec;

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use crate::{AssocId, sockopt};

/// Associations may come up between the question for their number and the list,
/// so there is some room, and a second try with more.
pub(crate) fn assoc_ids(socket: BorrowedFd<'_>) -> Result<Vec<AssocId>, Errno> {
    const TRIES: u32 = 8;
    for attempt in 0..TRIES {
        let number = sockopt::assoc_number(socket)? as usize;
        let room = number.saturating_add(16).saturating_mul(1 << attempt);
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(room).map_err(|_| Errno::NOMEM)?;
        buffer.resize(room, AssocId::from_raw(0));
        match sockopt::assoc_id_list(socket, &mut buffer) {
            Err(Errno::INVAL) => {}
            Err(errno) => return Err(errno),
            Ok(listed) => {
                let listed = listed.len();
                return Ok(ids(buffer, listed));
            }
        }
    }
    Err(Errno::INVAL)
}

/// The list without what the kernel writes in front of it, and without zeros: an
/// association that is still being set up from this side has no id yet.
fn ids(mut buffer: Vec<AssocId>, listed: usize) -> Vec<AssocId> {
    buffer.truncate(listed + 1);
    buffer.remove(0);
    buffer.retain(|id| id.as_raw() != 0);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_what_is_not_listed_are_left_out() {
        let buffer = [3, 5, 0, 9, 7].map(AssocId::from_raw).to_vec();
        assert_eq!(ids(buffer, 3), [5, 9].map(AssocId::from_raw));
    }
}
