//! What fails in the middle of a peel-off, and what becomes of the association.
//! The descriptor limit of a process is in `limit.rs`.
#![allow(missing_docs)]

mod support;

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread;

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, set_capabilities, unshare_unsafe};
use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags, sockopt};
use support::cgroup::{self, Group};
use support::descriptors;
use support::message::{Message, receive, send};
use support::{Family, address, associate, associate_many, fresh, kernel, server, wait_for};

type Peeloff = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Error>;

const WAYS: [Peeloff; 2] = [
    |server, id| peeloff(server, id),
    |server, id| peeloff_flags(server, id, PeeloffFlags::CLOEXEC),
];

fn alive(socket: &OwnedFd, client: &OwnedFd, id: AssocId) {
    assert!(assoc_ids(socket).unwrap().contains(&id));
    send(client, &Message::new("alive", 0, 0)).unwrap();
    assert_eq!(receive(socket).unwrap().data, b"alive");
    send(socket, &Message::new("so am I", 0, 0).to(id)).unwrap();
    assert_eq!(receive(client).unwrap().data, b"so am I");
}

/// The one-to-many socket no longer has it, and the peer has seen it end.
fn gone(server: &OwnedFd, client: &OwnedFd, id: AssocId) {
    assert!(!assoc_ids(server).unwrap().contains(&id));
    assert_eq!(receive(client).map(|message| message.data), Ok(vec![]));
}

#[test]
#[allow(unsafe_code, reason = "unshare_unsafe")]
fn in_another_network_namespace_it_is_not_peelable() {
    fresh::process("in_another_network_namespace_it_is_not_peelable", || {
        for way in WAYS {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            let before = descriptors::open();
            thread::scope(|scope| {
                let elsewhere = scope.spawn(|| {
                    // SAFETY: only this thread's network namespace changes.
                    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
                    way(&server, id).unwrap_err()
                });
                let error = elsewhere.join().unwrap();
                assert!(matches!(error, Error::NotPeelable), "{error:?}");
            });
            assert_eq!(descriptors::open(), before);
            alive(&server, &client, id);
            way(&server, id).unwrap();
        }
    });
}

/// A kernel setting, put back when it goes.
struct Setting(&'static str, String);

impl Setting {
    fn change(path: &'static str, value: &str) -> Self {
        let old = fs::read_to_string(path).unwrap();
        fs::write(path, value).unwrap();
        Self(path, old)
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        fs::write(self.0, self.1.trim()).unwrap();
    }
}

/// The guard looks for a free number and does not see the system's limit on open
/// files; so the kernel destroys the association, and the error says so.
#[test]
fn at_the_systems_limit_the_loss_is_told() {
    fresh::process("at_the_systems_limit_the_loss_is_told", || {
        for way in WAYS {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            let before = descriptors::open();
            let limit = Setting::change("/proc/sys/fs/file-max", "1");
            let error = thread::scope(|scope| {
                let unprivileged = scope.spawn(|| {
                    let mut sets = capabilities(None).unwrap();
                    // Who has it is not bound by the limit.
                    sets.effective.remove(CapabilitySet::SYS_ADMIN);
                    set_capabilities(None, sets).unwrap();
                    way(&server, id).unwrap_err()
                });
                unprivileged.join().unwrap()
            });
            drop(limit);
            assert!(
                matches!(error, Error::AssociationLost(Errno::NFILE)),
                "{error:?}"
            );
            assert_eq!(descriptors::open(), before);
            gone(&server, &client, id);
        }
    });
}

/// `fs.nr_open` bounds each process's numbers, whatever its own limit says.
#[test]
fn at_the_kernels_limit_on_numbers_it_is_untouched() {
    fresh::process("at_the_kernels_limit_on_numbers_it_is_untouched", || {
        let _limit = descriptors::Limit::soft(4096);
        let server = server(Family::V4);
        let (client, id) = associate(Family::V4, &server);
        // The limit is looked at when the table has to grow, such as from 512.
        let open = || fs::File::open("/dev/null");
        let mut fillers = vec![open().unwrap()];
        while fillers.last().unwrap().as_raw_fd() != 510 {
            fillers.push(open().unwrap());
        }
        let number = Setting::change("/proc/sys/fs/nr_open", "512");
        fillers.push(open().unwrap());
        let full = open().err().and_then(|error| error.raw_os_error());
        let errors = WAYS.map(|way| way(&server, id));
        drop(fillers);
        drop(number);
        assert_eq!(full, Some(libc::EMFILE), "the table has room");
        for error in errors {
            assert!(
                matches!(error, Err(Error::NoDescriptor(Errno::MFILE))),
                "{error:?}"
            );
        }
        alive(&server, &client, id);
    });
}

/// Such a program may see the answer to a peel-off, and spoil it; the descriptor is
/// there all the same. Linux 6.1.176, and any since 6.5, does not ask it about
/// peel-offs.
#[test]
fn a_cgroups_program_does_not_cost_the_descriptor() {
    for (number, program) in [cgroup::refuse(), cgroup::zero_second_word()]
        .into_iter()
        .enumerate()
    {
        let test = "a_cgroups_program_does_not_cost_the_descriptor";
        fresh::process_with(test, &number, || spoiled(&program));
    }
}

fn spoiled(program: &[cgroup::Instruction]) {
    let group = Group::new("getsockopt");
    let server = group.within(|| server(Family::V4));
    let clients = associate_many(Family::V4, &server, 3);
    group.attach_to_getsockopt(program);
    let before = descriptors::open().len();
    let bare = sockopt::peeloff_flags(server.as_fd(), clients[2].1, PeeloffFlags::all());
    let peeled = [
        peeloff(&server, clients[0].1),
        peeloff_flags(&server, clients[1].1, PeeloffFlags::CLOEXEC),
        bare.map_err(Error::Os),
    ];
    assert_eq!(descriptors::open().len(), before + 3);
    let peeled = peeled.map(Result::unwrap);
    for (peeled, (client, _)) in peeled.iter().zip(&clients) {
        // Not by its id: the program may see that question too.
        let name = address(client).to_string();
        send(client, &Message::new(&name, 0, 0)).unwrap();
        let got = wait_for("the message", || receive(peeled).ok());
        assert_eq!(got.data, name.as_bytes());
    }
    nothing_comes_of_nothing(&server, before + 3);
}

/// An error is one behind any such program, and nobody's descriptor is taken for
/// the new one.
fn nothing_comes_of_nothing(server: &OwnedFd, descriptors: usize) {
    let none = AssocId::from_raw(-5);
    for way in WAYS {
        way(server, none).unwrap_err();
    }
    sockopt::peeloff(server.as_fd(), none).unwrap_err();
    assert_eq!(descriptors::open().len(), descriptors);
}

/// Linux 5.10 shows the program neither a descriptor nor an id, and takes the 0.
#[test]
fn an_answer_that_a_cgroups_program_hides_is_told() {
    fresh::process("an_answer_that_a_cgroups_program_hides_is_told", || {
        let group = Group::new("getsockopt");
        let server = group.within(|| server(Family::V4));
        let clients = associate_many(Family::V4, &server, 2);
        group.attach_to_getsockopt(&cgroup::return_zero());
        let before = descriptors::open().len();
        for (way, (client, id)) in WAYS.into_iter().zip(&clients) {
            match way(&server, *id) {
                Err(Error::AssociationLost(Errno::BADMSG)) if kernel::version() < (6, 1) => {}
                Ok(peeled) if kernel::version() >= (6, 1) => {
                    send(client, &Message::new("alive", 0, 0)).unwrap();
                    assert_eq!(receive(&peeled).unwrap().data, b"alive");
                    // As many as there would be on the other kernel.
                    std::mem::forget(peeled);
                }
                answer => panic!("{answer:?}"),
            }
        }
        nothing_comes_of_nothing(&server, before + 2);
    });
}
