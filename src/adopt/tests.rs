//! Every row of the truth table.

use core::cell::Cell;

use super::*;

const SOCKET: RawFd = 5;
const ASSOC: AssocId = AssocId::from_raw(3);

/// A descriptor table: the descriptors that have the association and no other, and the
/// reply to a second peel-off.
struct Table<'a> {
    on: &'a [RawFd],
    second: Reply,
    queries: Cell<u32>,
}

impl Queries for Table<'_> {
    fn is_on(&self, fd: RawFd, assoc: AssocId) -> bool {
        self.queries.set(self.queries.get() + 1);
        assert_eq!(assoc, ASSOC);
        self.on.contains(&fd)
    }

    fn is_not_on(&self, socket: RawFd, assoc: AssocId) -> bool {
        assert_eq!(socket, SOCKET);
        !self.is_on(socket, assoc)
    }

    fn repeat(&self, socket: RawFd, assoc: AssocId) -> Reply {
        let is_safe = self.is_not_on(socket, assoc);
        assert!(is_safe, "this would peel off the association");
        self.second
    }
}

fn reply(result: Result<c_int, Errno>, sd: c_int) -> Reply {
    (result.unwrap_or_else(|errno| -errno.raw_os_error()), sd)
}

/// The outcome of a first reply and, for the second peel-off, another one or the same.
fn outcome(first: Reply, second: Option<Reply>, on: &[RawFd]) -> Result<RawFd, Errno> {
    let table = Table {
        on,
        second: second.unwrap_or(first),
        queries: Cell::new(0),
    };
    let outcome = examine(SOCKET, ASSOC, first, &table);
    assert!(table.queries.get() <= 3);
    outcome
}

const FORGED: Option<Reply> = None;
/// `EINVAL`
const REFUSED: Option<Reply> = Some((-22, -1));
/// As on 5.10, if a cgroup BPF program is attached.
const REFUSED_WITH_ZERO: Option<Reply> = Some((-22, 0));

#[test]
fn only_the_same_positive_descriptor_in_both_places_is_clear() {
    assert!(is_clear(SOCKET, (7, 7)));
    for reply in [(0, 0), (-1, -1), (7, 8), (7, 0), (0, 7), (SOCKET, SOCKET)] {
        assert!(!is_clear(SOCKET, reply), "{reply:?}");
    }
}

#[test]
fn positive_result_with_another_sd_is_adopted_if_the_queries_agree() {
    for sd in [-1, 0, 9, SOCKET] {
        for second in [REFUSED, REFUSED_WITH_ZERO] {
            assert_eq!(outcome(reply(Ok(7), sd), second, &[7]), Ok(7));
        }
        let first = reply(Ok(7), sd);
        assert_eq!(outcome(first, REFUSED, &[]), Err(Errno::BADMSG));
        assert_eq!(outcome(first, REFUSED, &[sd]), Err(Errno::BADMSG));
        assert_eq!(outcome(first, REFUSED, &[7, SOCKET]), Err(Errno::BADMSG));
        assert_eq!(outcome(first, FORGED, &[7]), Err(Errno::BADMSG));
    }
}

#[test]
fn the_socket_itself_is_never_adopted() {
    for first in [
        reply(Ok(SOCKET), SOCKET),
        reply(Ok(SOCKET), 0),
        reply(Ok(SOCKET), -1),
        reply(Ok(0), SOCKET),
    ] {
        assert_eq!(outcome(first, REFUSED, &[SOCKET]), Err(Errno::BADMSG));
        assert_eq!(outcome(first, REFUSED, &[]), Err(Errno::BADMSG));
    }
    let first = reply(Err(Errno::ACCESS), SOCKET);
    assert_eq!(outcome(first, REFUSED, &[SOCKET]), Err(Errno::ACCESS));
}

#[test]
fn zero_with_a_positive_sd_is_that_sd_if_the_queries_agree() {
    let first = reply(Ok(0), 7);
    let zero_again = Some(reply(Ok(0), -1));
    assert_eq!(outcome(first, zero_again, &[7]), Ok(7));
    assert_eq!(outcome(first, zero_again, &[0]), Err(Errno::BADMSG));
    assert_eq!(outcome(first, zero_again, &[]), Err(Errno::BADMSG));
    assert_eq!(outcome(first, zero_again, &[7, SOCKET]), Err(Errno::BADMSG));
    assert_eq!(outcome(first, FORGED, &[7]), Err(Errno::BADMSG));
    // A second peel-off that succeeds.
    assert_eq!(outcome(first, Some((8, 8)), &[7]), Err(Errno::BADMSG));
}

#[test]
fn zero_is_adopted_if_the_queries_agree() {
    for sd in [0, -1] {
        let first = reply(Ok(0), sd);
        for second in [REFUSED, REFUSED_WITH_ZERO] {
            assert_eq!(outcome(first, second, &[0]), Ok(0));
            assert_eq!(outcome(first, second, &[]), Err(Errno::BADMSG));
            assert_eq!(outcome(first, second, &[0, SOCKET]), Err(Errno::BADMSG));
        }
        assert_eq!(outcome(first, FORGED, &[0]), Err(Errno::BADMSG));
    }
}

#[test]
fn sd_after_an_error_is_adopted_if_the_queries_agree() {
    for errno in [
        Errno::PERM,
        Errno::ACCESS,
        Errno::INVAL,
        Errno::NFILE,
        Errno::FAULT,
    ] {
        for sd in [0, 7] {
            let first = reply(Err(errno), sd);
            assert_eq!(outcome(first, REFUSED, &[sd]), Ok(sd));
            assert_eq!(outcome(first, REFUSED, &[]), Err(errno));
            assert_eq!(outcome(first, REFUSED, &[sd, SOCKET]), Err(errno));
            assert_eq!(outcome(first, FORGED, &[sd]), Err(errno));
        }
    }
}

#[test]
fn an_error_with_a_negative_sd_is_the_error() {
    for sd in [-1, c_int::MIN] {
        let first = reply(Err(Errno::NFILE), sd);
        assert_eq!(outcome(first, REFUSED, &[]), Err(Errno::NFILE));
    }
}
