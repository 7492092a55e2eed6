//! The kernel cannot allocate memory for a peel-off. Each association is then peeled off, not
//! affected, or reported as lost.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use sctp_peeloff::{Error, PeeloffFlags, assoc_ids, peeloff_flags, sockopt};

use crate::support::cgroup::Group;
use crate::support::descriptors::Limit;
use crate::support::message::{expect_end_of_file, passes};
use crate::support::{Family, associate_many, kernel, process, server};

const ASSOCIATIONS: usize = 400;

/// The kernel allocates a socket before it moves the association, and a file after the move.
/// The memory limit grows by one page after each refusal, so that each of the two allocations
/// fails in some of the peel-offs.
#[test]
fn peeloff_reports_the_effect_if_memory_runs_out() {
    process::in_guest(|| {
        let _limit = Limit::most();
        let server = server(Family::V4);
        let clients = associate_many(Family::V4, &server, ASSOCIATIONS);
        let group = Group::new("memory");
        group.enable("memory");
        // The OOM killer ends a process of a cgroup that exceeds its limit. This value exempts
        // this process.
        fs::write("/proc/self/oom_score_adj", "-1000").unwrap();
        // Under the limit, this process must not allocate memory. Even the first access to a
        // page would block forever.
        let mut limit = group.open("memory.max");
        let mut results = Vec::with_capacity(ASSOCIATIONS);
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).unwrap();
        let mut not_affected = 0;
        group.within(|| {
            let mut pages = 0;
            set(&mut limit, pages);
            for (_, id) in &clients {
                results.push(loop {
                    match peeloff_flags(&server, *id, PeeloffFlags::CLOEXEC) {
                        // The kernel returns ENFILE if it cannot allocate a socket.
                        Err(Error::Os(Errno::NOMEM) | Error::NoDescriptor(Errno::NFILE)) => {
                            let has_assoc = sockopt::has_assoc(&server, *id);
                            assert_eq!(has_assoc, Ok(true), "the error reports no effect");
                            not_affected += 1;
                            pages += 1;
                            set(&mut limit, pages);
                        }
                        result => break result,
                    }
                });
            }
            limit.write_all(b"max").unwrap();
        });
        let mut lost = 0;
        for (result, (client, id)) in results.iter().zip(&clients) {
            assert!(!assoc_ids(&server).unwrap().contains(id));
            lost += u32::from(is_lost(result, client));
        }
        println!("{lost} of {ASSOCIATIONS} lost, {not_affected} failures without effect");
        // On kernels before 5.16, a process that is exempt from the OOM killer may exceed the
        // limit, so that no allocation fails.
        if kernel::version() < (5, 16) {
            assert_eq!((lost, not_affected), (0, 0));
            return;
        }
        // Memory ran out before and after the move.
        assert!(not_affected > 0 && lost > 0, "{not_affected}, {lost}");
    });
}

/// Sets the memory limit. Does not use a `String`, which could allocate memory.
fn set(limit: &mut File, pages: u32) {
    let mut text = [b' '; 16];
    write!(&mut text[..], "{}", pages * 4096).unwrap();
    limit.write_all(&text).unwrap();
}

fn is_lost(result: &Result<OwnedFd, Error>, client: &OwnedFd) -> bool {
    match result {
        Ok(peeled) => passes(client, peeled, "peeled"),
        Err(Error::AssociationLost(Errno::NOMEM | Errno::NFILE)) => expect_end_of_file(client),
        Err(error) => panic!("{error:?}"),
    }
    result.is_err()
}
