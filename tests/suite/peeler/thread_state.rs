//! The descriptor table of the helper thread does not contain the descriptors of the process.
//! The helper thread blocks all signals and keeps its network namespace.
#![allow(unsafe_code, reason = "unshare, setuid and fcntl locks")]

use std::fs::{self, File};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, socket_timeout};
use sctp_peeloff::{Error, Peeler, peeloff};

use super::{alone_with_peeler, helper_thread, wait_for_end_of_helper_thread, works};
use crate::support::descriptors::{self, Limit};
use crate::support::filter::{Call, denied, deny};
use crate::support::system::in_other_network;
use crate::support::{Family, PATIENCE, assert_matches, associated, process};

const CLOSE_RANGE: &[libc::c_long] = &[libc::SYS_close_range];
const UNSHARE: &[libc::c_long] = &[libc::SYS_unshare];
const READ_DIRECTORY: &[libc::c_long] = &[libc::SYS_getdents64];

/// Starts a `Peeler` with a filter that denies the calls to its helper thread with
/// `EPERM`.
fn start_without(calls: &[&'static [libc::c_long]]) -> Result<Peeler, Error> {
    let calls = calls.iter().map(|numbers| Call::any(numbers));
    denied(calls, libc::EPERM, Peeler::new)
}

/// The denied calls for each way to create a separate descriptor table: no call as on Linux 5.9
/// and later, `unshare` as in a container, and `close_range` as on kernels before 5.9.
const WAYS: [&[&[libc::c_long]]; 3] = [&[], &[UNSHARE], &[CLOSE_RANGE]];

/// If the helper thread had a copy of the descriptor, the kernel would not send the FIN when
/// the process closes its own.
#[test]
fn helper_thread_holds_no_descriptor_of_the_process() {
    process::alone(|| {
        for way in WAYS {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut peer = listener.accept().unwrap().0;
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            let _highest = rustix::io::fcntl_dupfd_cloexec(&listener, 500).unwrap();
            let peeler = start_without(way).unwrap();
            drop(client);
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
            let folder = helper_thread().join("fd");
            assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
            drop(peeler);
            wait_for_end_of_helper_thread();
        }
    });
}

/// Record locks belong to a descriptor table. Closing a copy of the descriptor in another table
/// does not release them.
#[test]
fn new_does_not_release_record_locks_of_the_process() {
    process::alone(|| {
        for way in WAYS {
            let file = File::from(memfd_create("lock", MemfdFlags::CLOEXEC).unwrap());
            let lock = |command, file: &File| {
                // SAFETY: all fields of `flock` are integers, for which zero is valid.
                let mut lock: libc::flock = unsafe { std::mem::zeroed() };
                lock.l_type = i16::try_from(libc::F_WRLCK).unwrap();
                // SAFETY: the pointer to `lock` is valid during the call.
                unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) }
            };
            assert_eq!(lock(libc::F_SETLK, &file), 0);
            // An open file description lock conflicts with the record lock of the process.
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            let other = File::options().write(true).open(path).unwrap();
            assert_eq!(lock(libc::F_OFD_SETLK, &other), -1);
            let peeler = start_without(way).unwrap();
            assert_eq!(lock(libc::F_OFD_SETLK, &other), -1, "{way:?}");
            drop(peeler);
        }
    });
}

#[test]
fn new_fails_with_os_if_a_seccomp_filter_denies_every_way_to_separate_the_table() {
    process::alone(|| {
        let before = descriptors::open();
        for calls in [&[CLOSE_RANGE, UNSHARE][..], &[CLOSE_RANGE, READ_DIRECTORY]] {
            assert_matches!(start_without(calls), Err(Error::Os(Errno::PERM)));
            assert_eq!(descriptors::open(), before);
        }
    });
}

/// If the helper thread trusted such a success, it would close descriptors of the process.
#[test]
fn new_fails_with_os_if_a_seccomp_filter_fakes_the_separation_of_the_table() {
    process::alone(|| {
        let before = descriptors::open();
        for (refused, faked) in [(UNSHARE, CLOSE_RANGE), (CLOSE_RANGE, UNSHARE)] {
            let result = denied([Call::any(refused)], libc::ENOSYS, || {
                deny([Call::any(faked)], 0);
                Peeler::new()
            });
            assert_matches!(result, Err(Error::Os(Errno::PERM)));
            assert_eq!(descriptors::open(), before);
        }
    });
}

#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn new_fails_with_os_if_a_seccomp_filter_fakes_the_channel() {
    process::alone(|| {
        let before = descriptors::open();
        let pair = [Call::any(&[libc::SYS_socketpair])];
        assert_matches!(denied(pair, 0, Peeler::new), Err(Error::Os(Errno::PERM)));
        assert_eq!(descriptors::open(), before);
        let receive = [Call::any(&[libc::SYS_recvmsg])];
        assert_matches!(denied(receive, 0, Peeler::new), Err(Error::Os(Errno::PIPE)));
    });
}

/// `Peeler::new` has a timeout of some seconds. A peel-off has no timeout.
#[test]
fn peeloff_waits_for_the_helper_thread_without_a_timeout() {
    process::alone(|| {
        let before = descriptors::open();
        let _peeler = Peeler::new().unwrap();
        let mut after = descriptors::open();
        after.retain(|fd| !before.contains(fd));
        assert_eq!(after.len(), 1);
        // SAFETY: this descriptor is the channel of `_peeler`, which keeps it open until the
        // end of the test.
        let channel = unsafe { BorrowedFd::borrow_raw(after[0]) };
        assert_eq!(socket_timeout(channel, Timeout::Recv).unwrap(), None);
    });
}

#[test]
fn new_fails_with_no_descriptor_if_none_is_free() {
    process::alone(|| {
        let before = descriptors::open();
        let mut limit = Limit::none_free();
        limit.free_one();
        let error = Peeler::new().unwrap_err();
        drop(limit);
        assert_matches!(error, Error::NoDescriptor(Errno::MFILE));
        assert_eq!(descriptors::open(), before);
    });
}

/// libc's setuid signals every thread and waits until all have handled the signal. The call
/// also shows that the helper thread does not block this signal.
#[test]
fn new_fails_with_os_eagain_at_the_thread_limit() {
    alone_with_peeler(|peeler, server, client, id| {
        // SAFETY: `setuid` takes no pointer, and the pointer to `limit` is valid during the
        // call of `setrlimit`. The user has no other process.
        unsafe {
            assert_eq!(libc::setuid(54321), 0);
            let limit = libc::rlimit {
                rlim_cur: 1,
                rlim_max: 1,
            };
            assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit), 0);
        }
        let before = descriptors::open();
        assert_matches!(Peeler::new(), Err(Error::Os(Errno::AGAIN)));
        assert_eq!(descriptors::open(), before);
        works(&peeler.peeloff(&server, id).unwrap(), &client);
    });
}

/// The helper thread has a different descriptor table. A signal handler that writes to a
/// descriptor would write to another file in this thread, or fail.
#[test]
fn helper_thread_blocks_all_signals() {
    process::alone(|| {
        let _peeler = Peeler::new().unwrap();
        let status = fs::read_to_string(helper_thread().join("status")).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.unwrap().trim(), 16).unwrap();
        for signal in (1..32).chain(libc::SIGRTMIN()..=libc::SIGRTMAX()) {
            let is_blocked = blocked & 1 << (signal - 1) != 0;
            let can_be = ![libc::SIGKILL, libc::SIGSTOP].contains(&signal);
            assert_eq!(is_blocked, can_be, "signal {signal}");
        }
    });
}

#[test]
fn helper_thread_keeps_the_network_namespace_of_the_thread_that_called_new() {
    process::in_guest(|| {
        let (server, client, id) = associated(Family::V4);
        let here = Peeler::new().unwrap();
        let peeled = in_other_network(|| {
            let there = Peeler::new().unwrap();
            assert_matches!(peeloff(&server, id), Err(Error::NotPeelable));
            assert_matches!(there.peeloff(&server, id), Err(Error::NotPeelable));
            here.peeloff(&server, id).unwrap()
        });
        works(&peeled, &client);
    });
}
