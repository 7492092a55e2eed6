//! Other threads compete for descriptors, or start programs. These tests are for more
//! than one CPU.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use sctp_peeloff::{AssocId, Error, Peeler, PeeloffFlags, assoc_ids};

use super::works;
use crate::support::descriptors::{self, Limit};
use crate::support::{Family, PATIENCE, associate, associate_many, process, repetitions, server};

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
        assert!(start.elapsed() < PATIENCE, "waited in vain for {id}");
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

/// One descriptor is free, and other threads take and return it all the time.
fn against(competitors: usize, rounds: usize) {
    let server = server(Family::V4);
    let peeler = Peeler::new().unwrap();
    let before = descriptors::open();
    let mut parked = 0;
    for _ in 0..rounds {
        let (client, id) = associate(Family::V4, &server);
        let mut limit = Limit::none_free();
        limit.free_one();
        let stop = AtomicBool::new(false);
        let (peeled, was_parked) = thread::scope(|scope| {
            let _stop = SetOnDrop(&stop);
            for _ in 0..competitors {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        drop(fcntl_dupfd_cloexec(&server, 0));
                    }
                });
            }
            peel_off(&peeler, &server, id)
        });
        parked += u32::from(was_parked);
        drop(limit);
        assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
        works(&peeled, &client);
    }
    println!("{parked} of {rounds} associations were parked");
    assert_eq!(descriptors::open(), before);
    assert_eq!(assoc_ids(&server).unwrap(), []);
}

#[test]
fn peeler_loses_no_association_against_one_thread() {
    let rounds = repetitions("rounds", 3000, 100);
    process::alone(|| against(1, rounds));
}

#[test]
fn peeler_loses_no_association_against_four_threads() {
    let rounds = repetitions("rounds", 3000, 100);
    process::alone(|| against(4, rounds));
}

/// Starts programs until it is stopped, and returns how many. Each lists its descriptors.
fn start_programs(stop: &AtomicBool) -> usize {
    let mut number = 0;
    while number == 0 || !stop.load(Ordering::Relaxed) {
        let mut ls = Command::new("ls");
        ls.args(["-l", "/proc/self/fd"]).stdin(Stdio::null());
        let output = ls.output().unwrap();
        let listed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && listed.contains("/dev/null"));
        assert!(!listed.contains("socket:"), "inherited:\n{listed}");
        number += 1;
    }
    number
}

/// On a kernel before 4.13 the flag of `peeloff_flags` comes too late for this.
#[test]
fn peeler_passes_no_descriptor_to_a_child() {
    let number = repetitions("associations", 1000, 100);
    process::alone(|| {
        let server = server(Family::V4);
        fcntl_setfd(&server, FdFlags::CLOEXEC).unwrap();
        let peeler = Peeler::new().unwrap();
        let clients = associate_many(Family::V4, &server, number);
        for (client, _) in &clients {
            fcntl_setfd(client, FdFlags::CLOEXEC).unwrap();
        }
        let stop = AtomicBool::new(false);
        let programs = thread::scope(|scope| {
            let _stop = SetOnDrop(&stop);
            let programs = scope.spawn(|| start_programs(&stop));
            for (client, id) in &clients {
                let peeled = peeler.peeloff_flags(&server, *id, FLAGS).unwrap();
                works(&peeled, client);
            }
            stop.store(true, Ordering::Relaxed);
            programs.join().unwrap()
        });
        println!("{programs} programs were started");
    });
}
