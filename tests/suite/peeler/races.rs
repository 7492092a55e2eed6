//! Other threads compete for descriptors, or start programs. These tests are meaningful only
//! on more than one CPU.
#![allow(unsafe_code, reason = "fork")]

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use sctp_peeloff::{AssocId, Error, Peeler, PeeloffFlags, assoc_ids};

use super::{exit_status, works};
use crate::support::descriptors::{self, Limit};
use crate::support::{
    Family, PATIENCE, associate_many, in_threads, process, race_rounds, repetitions, server,
    wait_until,
};

const FLAGS: PeeloffFlags = PeeloffFlags::CLOEXEC;

/// Sets the value when it is dropped, so that the threads end even after a panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Peels off and retries while no descriptor is free. Returns the descriptor, and whether the
/// association was parked.
fn peel_off(peeler: &Peeler, server: &OwnedFd, id: AssocId) -> (OwnedFd, bool) {
    let start = Instant::now();
    let mut was_parked = false;
    let mut result = peeler.peeloff_flags(server, id, FLAGS);
    loop {
        assert!(start.elapsed() < PATIENCE, "no descriptor for {id}");
        result = match result {
            Ok(peeled) => return (peeled, was_parked),
            Err(Error::NoDescriptor(_)) => peeler.peeloff_flags(server, id, FLAGS),
            Err(Error::Undelivered(handle)) => {
                was_parked = true;
                handle.fetch()
            }
            Err(error) => panic!("{error:?}"),
        };
    }
}

/// Peels off in `threads` threads while `competitors` other threads continuously open and
/// close descriptors. One descriptor is free for each thread that peels off.
fn peel_off_against(competitors: usize, threads: usize, rounds: usize) {
    let server = server(Family::V4);
    let peeler = Peeler::new().unwrap();
    let before = descriptors::open();
    let mut parked = 0;
    for _ in 0..rounds {
        let clients = associate_many(Family::V4, &server, threads);
        let mut limit = Limit::none_free();
        for _ in &clients {
            limit.free_one();
        }
        let stop = AtomicBool::new(false);
        let peeled: Vec<_> = thread::scope(|scope| {
            let _stop = SetOnDrop(&stop);
            for _ in 0..competitors {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        drop(fcntl_dupfd_cloexec(&server, 0));
                        // Without the yield, a round would last for several time slices.
                        thread::yield_now();
                    }
                });
            }
            let (peeler, server) = (&peeler, &server);
            let ids = clients.iter().map(|(_, id)| *id);
            in_threads(ids.map(|id| move || peel_off(peeler, server, id)))
        });
        drop(limit);
        for ((peeled, was_parked), (client, id)) in peeled.iter().zip(&clients) {
            parked += usize::from(*was_parked);
            assert_eq!(assoc_ids(peeled).unwrap(), [*id]);
            works(peeled, client);
        }
    }
    println!("{parked} of {} associations were parked", threads * rounds);
    assert_eq!(descriptors::open(), before);
    assert_eq!(assoc_ids(&server).unwrap(), []);
}

#[test]
fn peeler_loses_no_association_with_one_competing_thread() {
    let rounds = race_rounds(1000, 20);
    process::alone(|| peel_off_against(1, 1, rounds));
}

#[test]
fn peeler_loses_no_association_with_four_competing_threads() {
    let rounds = race_rounds(1000, 20);
    process::alone(|| peel_off_against(4, 1, rounds));
}

#[test]
fn peeler_loses_no_association_if_four_threads_peel_off() {
    let rounds = race_rounds(600, 20);
    process::alone(|| peel_off_against(1, 4, rounds));
}

/// The open files of the process. Ignores descriptors that are closed in the meantime.
fn open_files(process: u32) -> String {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let files: Vec<_> = descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok())
        .collect();
    format!("{files:?}")
}

/// Starts programs until `stop` is set. Returns their number. Checks that no program has a
/// socket after execve(2) has closed the descriptors with `FD_CLOEXEC`.
fn start_programs(stop: &AtomicBool) -> usize {
    let mut number = 0;
    while number == 0 || !stop.load(Ordering::Relaxed) {
        let mut cat = Command::new("cat");
        cat.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = cat.spawn().unwrap();
        wait_until("a program without sockets", || {
            let files = open_files(child.id());
            files.contains("/dev/null") && !files.contains("socket:")
        });
        child.kill().unwrap();
        child.wait().unwrap();
        number += 1;
    }
    number
}

/// Forks until `stop` is set. Returns the number of children. Checks that no child has a
/// descriptor that execve(2) would keep open. A fork is much faster than the start of a program.
fn fork_children(stop: &AtomicBool) -> usize {
    let mut number = 0;
    while number == 0 || !stop.load(Ordering::Relaxed) {
        // SAFETY: the child of fork(2) only makes system calls and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: `F_GETFD` takes no pointer and accepts any descriptor.
            let kept = (3..HIGHEST).find(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } == 0);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(i32::from(kept.is_some())) };
        }
        assert_eq!(exit_status(child), Some(0), "an inherited descriptor");
        number += 1;
    }
    number
}

/// A value above all descriptors of the test, which has a descriptor for each association and
/// a few more.
const HIGHEST: i32 = 400;

/// On kernels before 4.13, `peeloff_flags` does not pass this test, because it sets
/// `FD_CLOEXEC` after the peel-off.
#[test]
fn peeler_passes_no_descriptor_to_a_child() {
    let turns = repetitions("times 300 associations", 4, 1);
    process::alone(|| {
        let server = server(Family::V4);
        fcntl_setfd(&server, FdFlags::CLOEXEC).unwrap();
        let peeler = Peeler::new().unwrap();
        for _ in 0..turns {
            let clients = associate_many(Family::V4, &server, 300);
            for (client, _) in &clients {
                fcntl_setfd(client, FdFlags::CLOEXEC).unwrap();
            }
            let stop = AtomicBool::new(false);
            let (programs, children) = thread::scope(|scope| {
                let stop_all = SetOnDrop(&stop);
                let programs = scope.spawn(|| start_programs(&stop));
                let children = scope.spawn(|| fork_children(&stop));
                for (client, id) in &clients {
                    works(&peeler.peeloff_flags(&server, *id, FLAGS).unwrap(), client);
                }
                drop(stop_all);
                (programs.join().unwrap(), children.join().unwrap())
            });
            println!("started {programs} programs and {children} children");
        }
    });
}
