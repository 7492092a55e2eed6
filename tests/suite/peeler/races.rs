//! Other threads compete for descriptors, or start programs. These tests are for more
//! than one CPU.
#![allow(unsafe_code, reason = "fork")]

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use sctp_peeloff::{AssocId, Error, Peeler, PeeloffFlags, assoc_ids};

use super::works;
use crate::support::descriptors::{self, Limit};
use crate::support::{
    Family, PATIENCE, associate_many, process, race_rounds, repetitions, server, wait_for,
};

const FLAGS: PeeloffFlags = PeeloffFlags::CLOEXEC;

/// Sets the value when it goes, so that threads end after a panic too.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Peels off, and retries while no descriptor is free. The second result is whether the
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

/// For each of the threads that peel off one descriptor is free, and other threads take
/// and return them all the time.
fn against(competitors: usize, threads: usize, rounds: usize) {
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
                        // Otherwise a round takes several time slices.
                        thread::yield_now();
                    }
                });
            }
            let peel_off = |id| peel_off(&peeler, &server, id);
            let threads: Vec<_> = clients
                .iter()
                .map(|(_, id)| scope.spawn(move || peel_off(*id)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
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
fn peeler_loses_no_association_against_one_thread() {
    let rounds = race_rounds(3000, 100);
    process::alone(|| against(1, 1, rounds));
}

#[test]
fn peeler_loses_no_association_against_four_threads() {
    let rounds = race_rounds(3000, 100);
    process::alone(|| against(4, 1, rounds));
}

#[test]
fn peeler_loses_no_association_of_four_threads() {
    let rounds = race_rounds(600, 20);
    process::alone(|| against(1, 4, rounds));
}

/// The files that the process has open. Some may be closed in the meantime.
fn open_files(process: u32) -> String {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let files: Vec<_> = descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok())
        .collect();
    format!("{files:?}")
}

/// Starts programs until it is stopped, and returns how many. None of them may have a
/// socket once execve(2) has closed the descriptors with CLOEXEC.
fn start_programs(stop: &AtomicBool) -> usize {
    let mut number = 0;
    while number == 0 || !stop.load(Ordering::Relaxed) {
        let mut cat = Command::new("cat");
        cat.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = cat.spawn().unwrap();
        wait_for("a program without sockets", || {
            let files = open_files(child.id());
            (files.contains("/dev/null") && !files.contains("socket:")).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        number += 1;
    }
    number
}

/// Forks until it is stopped, and returns how often. No child may have a descriptor that
/// execve(2) would keep. This is faster than a program by far.
fn fork_children(stop: &AtomicBool) -> usize {
    let mut number = 0;
    while number == 0 || !stop.load(Ordering::Relaxed) {
        // SAFETY: the child makes system calls only, and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: no pointer.
            let kept = (3..HIGHEST).find(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } == 0);
            // SAFETY: no pointer.
            unsafe { libc::_exit(i32::from(kept.is_some())) };
        }
        let mut status = 0;
        // SAFETY: the status lives through the call.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "a child has inherited a descriptor");
        number += 1;
    }
    number
}

/// Above all descriptors of the test: two for each association, and some more.
const HIGHEST: i32 = 700;

/// On a kernel before 4.13 the flag of `peeloff_flags` comes too late for this.
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
                    let peeled = peeler.peeloff_flags(&server, *id, FLAGS).unwrap();
                    works(&peeled, client);
                }
                drop(stop_all);
                (programs.join().unwrap(), children.join().unwrap())
            });
            println!("{programs} programs and {children} children were started");
        }
    });
}
