//! The kernel cannot allocate memory for a peel-off. Each association is then peeled off, not
//! affected, or reported as lost.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff_flags, sockopt};

use crate::support::cgroup::Group;
use crate::support::descriptors::Limit;
use crate::support::message::{Message, receive, send};
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
                            let has_assoc = sockopt::has_assoc(server.as_fd(), *id);
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
        for (result, (client, id)) in results.into_iter().zip(&clients) {
            lost += u32::from(is_lost(&server, result, client, *id));
        }
        println!(
            "{ASSOCIATIONS} associations: {lost} lost; {not_affected} peel-offs failed without effect"
        );
        // On kernels before 5.16, a process that is exempt from the OOM killer may exceed the
        // limit, so that no allocation fails.
        if kernel::version() < (5, 16) {
            assert_eq!((lost, not_affected), (0, 0));
            return;
        }
        assert!(
            not_affected > 0,
            "memory did not run out before the association moved"
        );
        assert!(
            lost > 0,
            "memory did not run out after the association moved"
        );
    });
}

/// Sets the memory limit. Does not use a `String`, which could allocate memory.
fn set(limit: &mut File, pages: u32) {
    let mut text = [b' '; 16];
    write!(&mut text[..], "{}", pages * 4096).unwrap();
    limit.write_all(&text).unwrap();
}

fn is_lost(
    server: &OwnedFd,
    result: Result<OwnedFd, Error>,
    client: &OwnedFd,
    id: AssocId,
) -> bool {
    assert!(!assoc_ids(server).unwrap().contains(&id));
    match result {
        Ok(peeled) => {
            send(client, &Message::new("peeled", 0, 0)).unwrap();
            assert_eq!(receive(&peeled).unwrap().data, b"peeled");
            false
        }
        Err(Error::AssociationLost(Errno::NOMEM | Errno::NFILE)) => {
            assert_eq!(receive(client).map(|message| message.data), Ok(vec![]));
            true
        }
        Err(error) => panic!("{error:?}"),
    }
}
