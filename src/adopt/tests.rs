//! Every row of the truth table.

use core::cell::Cell;

use super::*;

const SOCKET: RawFd = 5;
const ASSOC: AssocId = AssocId::from_raw(3);
const FORGED: Option<Reply> = None;

/// A descriptor table: the descriptors that have the association alone.
struct Table<'a> {
    on: &'a [RawFd],
    queries: Cell<u32>,
}

impl Queries for Table<'_> {
    fn is_on(&self, fd: RawFd, assoc: AssocId) -> bool {
        self.queries.set(self.queries.get() + 1);
        assert_eq!(assoc, ASSOC);
        self.on.contains(&fd)
    }

    fn is_not_on(&self, socket: RawFd, assoc: AssocId) -> bool {
        self.queries.set(self.queries.get() + 1);
        assert_eq!((socket, assoc), (SOCKET, ASSOC));
        !self.on.contains(&socket)
    }
}

fn reply(result: Result<c_int, Errno>, sd: c_int) -> Reply {
    Reply { result, sd }
}

/// The outcome if the second call fails as it must, or if it repeats the first reply.
fn outcome(first: Reply, second: Option<Reply>, on: &[RawFd]) -> Result<RawFd, Errno> {
    let table = Table {
        on,
        queries: Cell::new(0),
    };
    let called = Cell::new(false);
    let repeat = || {
        // An association that is still on the socket would be peeled off.
        assert!(
            !on.contains(&SOCKET),
            "a second call, and the association is there"
        );
        assert!(!called.replace(true), "a third call");
        second.unwrap_or(first)
    };
    let outcome = examine(SOCKET, ASSOC, first, &repeat, &table);
    assert!(table.queries.get() <= 2);
    outcome
}

const REFUSED: Option<Reply> = Some(Reply {
    result: Err(Errno::INVAL),
    sd: -1,
});
/// As on 5.10, if a cgroup BPF program is attached.
const REFUSED_WITH_ZERO: Option<Reply> = Some(Reply {
    result: Err(Errno::INVAL),
    sd: 0,
});

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

/// The first row, and the one that follows it, without an [`OwnedFd`] of a descriptor
/// that nobody opened.
#[cfg(not(miri))]
#[test]
fn the_same_positive_descriptor_twice_is_adopted_unless_it_is_the_socket() {
    use rustix::fd::AsFd;
    use std::fs::File;

    let socket = File::open("/dev/null").unwrap();
    let new = OwnedFd::from(File::open("/dev/null").unwrap());
    let number = {
        use rustix::fd::IntoRawFd;
        new.into_raw_fd()
    };
    let adopted = adopt(socket.as_fd(), ASSOC, || reply(Ok(number), number)).unwrap();
    assert_eq!(adopted.as_raw_fd(), number);

    let own = socket.as_raw_fd();
    let refused = adopt(socket.as_fd(), ASSOC, || reply(Ok(own), own));
    assert_eq!(refused.unwrap_err(), Errno::BADMSG);
}
