//! Probes for a free descriptor: the one that precedes each peel-off, and alternatives for
//! comparison. None of them leaves a descriptor open.

use std::os::fd::{BorrowedFd, OwnedFd};

use linux_syscall::{ResultSize as _, SYS_openat, SYS_socketpair, syscall};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::net::{SocketFlags, accept_with};
use rustix::process::{Resource, getrlimit};

pub type Guard = fn(&OwnedFd);

/// The first probe is the library's.
pub const GUARDS: [(&str, Guard); 6] = [
    ("F_DUPFD_CLOEXEC, close", |socket| {
        drop(fcntl_dupfd_cloexec(socket, 0).expect("a duplicate"));
    }),
    ("prlimit64, F_GETFD of the last number", last_number),
    ("socketpair of no family", pair),
    ("eventfd2, close", |_| {
        drop(eventfd(0, EventfdFlags::CLOEXEC).expect("a counter"));
    }),
    ("accept4 on the one-to-many socket", |socket| {
        let refused = accept_with(socket, SocketFlags::CLOEXEC);
        assert_eq!(refused.err(), Some(Errno::OPNOTSUPP));
    }),
    ("openat in no folder", |_| {
        // SAFETY: the name is a C string.
        let returned = unsafe { syscall!(SYS_openat, -1, c"x".as_ptr(), 0, 0) };
        assert!(returned.try_usize().is_err());
    }),
];

/// If the highest permitted descriptor is not open, at least one descriptor is free.
fn last_number(_: &OwnedFd) {
    let limit = getrlimit(Resource::Nofile).current.expect("a limit");
    let last = i32::try_from(limit - 1).expect("a number");
    // SAFETY: F_GETFD only reads the flags, whether or not the descriptor is open.
    let last = unsafe { BorrowedFd::borrow_raw(last) };
    assert_eq!(fcntl_getfd(last), Err(Errno::BADF));
}

/// `socketpair(2)` reserves two descriptors and writes them to the array before the check of
/// the family fails. The descriptors are then released. This is the behaviour of Linux 5.10
/// to 7.2; other kernels were not checked.
fn pair(_: &OwnedFd) {
    let mut numbers = [-1_i32; 2];
    // SAFETY: the kernel writes two `int`s, and `numbers` has two.
    let returned = unsafe { syscall!(SYS_socketpair, -1, 0, 0, numbers.as_mut_ptr()) };
    assert!(returned.try_usize().is_err() && numbers[1] >= 0);
}
