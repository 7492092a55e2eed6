//! The kernel has no memory for a peel-off: each association is peeled off, not
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

/// The limit grows by a page after each refusal, so that memory runs out now at
/// the socket, which comes before the association moves, now at the file, which
/// comes after.
#[test]
fn peeloff_reports_the_effect_if_memory_runs_out() {
    process::in_guest(|| {
        let _limit = Limit::most();
        let server = server(Family::V4);
        let clients = associate_many(Family::V4, &server, ASSOCIATIONS);
        let group = Group::new("memory");
        group.enable("memory");
        // Beyond the limit the kernel ends a process of the group; this one it may not.
        fs::write("/proc/self/oom_score_adj", "-1000").unwrap();
        // Nothing may ask for memory in between, not even a page that is touched
        // for the first time: it would wait for ever.
        let mut limit = group.open("memory.max");
        let mut answers = Vec::with_capacity(ASSOCIATIONS);
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).unwrap();
        let mut untouched = 0;
        group.within(|| {
            let mut pages = 0;
            set(&mut limit, pages);
            for (_, id) in &clients {
                answers.push(loop {
                    match peeloff_flags(&server, *id, PeeloffFlags::CLOEXEC) {
                        // Short of memory for a socket, the kernel says ENFILE.
                        Err(Error::Os(Errno::NOMEM) | Error::NoDescriptor(Errno::NFILE)) => {
                            let there = sockopt::has_assoc(server.as_fd(), *id);
                            assert_eq!(there, Ok(true), "told as untouched");
                            untouched += 1;
                            pages += 1;
                            set(&mut limit, pages);
                        }
                        answer => break answer,
                    }
                });
            }
            limit.write_all(b"max").unwrap();
        });
        let mut lost = 0;
        for (answer, (client, id)) in answers.into_iter().zip(&clients) {
            lost += u32::from(is_lost(&server, answer, client, *id));
        }
        println!("of {ASSOCIATIONS}, {lost} lost; {untouched} refusals left one untouched");
        // Before Linux 5.16, whom the kernel may not end exceeds the limit unrefused.
        if kernel::version() < (5, 16) {
            assert_eq!((lost, untouched), (0, 0));
            return;
        }
        assert!(
            untouched > 0,
            "memory did not run out before the association moved"
        );
        assert!(
            lost > 0,
            "memory did not run out after the association moved"
        );
    });
}

/// Without a `String`, which could ask for memory.
fn set(limit: &mut File, pages: u32) {
    let mut text = [b' '; 16];
    write!(&mut text[..], "{}", pages * 4096).unwrap();
    limit.write_all(&text).unwrap();
}

fn is_lost(
    server: &OwnedFd,
    answer: Result<OwnedFd, Error>,
    client: &OwnedFd,
    id: AssocId,
) -> bool {
    assert!(!assoc_ids(server).unwrap().contains(&id));
    match answer {
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
