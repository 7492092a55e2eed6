//! `Peeler`, which peels off in a thread with a separate file descriptor table.
#![allow(clippy::similar_names, reason = "a peeler returns a peeled socket")]

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::thread;

use rustix::io::{FdFlags, fcntl_getfd};
use rustix::process::{Pid, WaitOptions, waitpid};
use sctp_peeloff::{AssocId, Error, Peeler, PeeloffFlags, assoc_ids};

use crate::flags::COMBINATIONS;
use crate::support::descriptors::flags_of;
use crate::support::message::{self, passes};
use crate::support::{
    FAMILIES, Family, assert_matches, associate, associate_many, associated, client, descriptors,
    others, process, server, wait_for, wait_until,
};

/// The descriptor table of the process is full. The helper thread keeps the descriptor.
mod delivery;
/// The end of the helper thread, and children of the process.
mod end;
/// Other threads compete for descriptors, or start programs.
mod races;
/// The descriptors, signals and namespace of the helper thread.
mod thread_state;

fn works(peeled: &OwnedFd, client: &OwnedFd) {
    passes(client, peeled, "works");
    passes(peeled, client, "works too");
}

/// Runs the body in a separate process with a peeler, a server, and the client and the id of the
/// server's only association.
fn alone_with_peeler(body: impl FnOnce(Peeler, OwnedFd, OwnedFd, AssocId)) {
    process::alone(|| {
        let (server, client, id) = associated(Family::V4);
        body(Peeler::new().unwrap(), server, client, id);
    });
}

/// The `/proc` folders of the helper threads of this process.
fn helper_threads() -> Vec<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let tasks = tasks.map(|task| task.unwrap().path());
    tasks
        .filter(|task| {
            // The file does not exist if the thread has ended in the meantime.
            fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "sctp-peeler\n")
        })
        .collect()
}

/// The folder of the newest helper thread in `/proc`. The kernel may return an incomplete list
/// of threads while another thread exits.
fn helper_thread() -> PathBuf {
    wait_for("the helper thread", || helper_threads().pop())
}

fn wait_for_end_of_helper_thread() {
    wait_until("the end of the helper thread", || {
        helper_threads().is_empty()
    });
}

/// Waits for a child of fork(2) and returns its exit status.
fn exit_status(child: libc::pid_t) -> Option<i32> {
    let (_, status) = waitpid(Pid::from_raw(child), WaitOptions::empty())
        .unwrap()
        .unwrap();
    status.exit_status()
}

#[test]
fn peeler_sets_the_flags_that_were_requested() {
    let peeler = Peeler::new().unwrap();
    for family in FAMILIES {
        let server = server(family);
        for flags in COMBINATIONS {
            let (client, id) = associate(family, &server);
            let peeled = peeler.peeloff_flags(&server, id, flags).unwrap();
            assert_eq!(flags_of(&peeled), flags);
            assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
            message::works(&peeled, &client, id);
        }
        let (client, id) = associate(family, &server);
        let peeled = peeler.peeloff(&server, id).unwrap();
        assert_eq!(fcntl_getfd(&peeled).unwrap(), FdFlags::empty());
        works(&peeled, &client);
    }
}

#[test]
fn peeler_fails_with_the_errors_of_peeloff_flags() {
    let peeler = Peeler::new().unwrap();
    let peel = |socket: &OwnedFd, id| peeler.peeloff(socket, id).unwrap_err();
    let server = server(Family::V4);
    let none = AssocId::from_raw(-1);
    assert_matches!(peel(&server, none), Error::NoSuchAssociation(id) if id == none);
    let one_to_one = client(Family::V4, &server);
    assert_matches!(peel(&one_to_one, none), Error::NotOneToMany);
    for (name, socket) in others::not_sctp() {
        assert_matches!(peel(&socket, none), Error::NotSctp, "{name}");
    }
    assert_matches!(peel(&others::file(), none), Error::NotSocket);
    assert_matches!(peel(&others::path(), none), Error::BadDescriptor);
    assert_matches!(
        peeler.peeloff(others::closed(), none),
        Err(Error::BadDescriptor)
    );

    let (client, id) = associate(Family::V4, &server);
    let unknown = PeeloffFlags::from_bits_retain(1);
    let refused = peeler.peeloff_flags(&server, id, unknown | PeeloffFlags::CLOEXEC);
    assert_matches!(refused, Err(Error::UnknownFlags(flags)) if flags == unknown);
    let peeled = peeler.peeloff(&server, id).unwrap();
    assert_matches!(peel(&peeled, id), Error::NotPeelable);
    // The failed calls have not affected the association. They have not left a reply that
    // another call could receive.
    works(&peeled, &client);
}

#[test]
fn peeler_peels_off_from_several_sockets_for_several_threads() {
    let peeler = Peeler::new().unwrap();
    let servers = [server(Family::V4), server(Family::V6)];
    let clients = [
        associate_many(Family::V4, &servers[0], 32),
        associate_many(Family::V6, &servers[1], 32),
    ];
    let peel = |server, clients: &[(OwnedFd, AssocId)]| {
        for (client, id) in clients {
            let peeled = peeler.peeloff_flags(server, *id, PeeloffFlags::CLOEXEC);
            let peeled = peeled.unwrap();
            assert_eq!(assoc_ids(&peeled).unwrap(), [*id]);
            works(&peeled, client);
        }
    };
    thread::scope(|scope| {
        for (server, clients) in servers.iter().zip(&clients) {
            for clients in clients.chunks(8) {
                scope.spawn(move || peel(server, clients));
            }
        }
    });
    for server in servers {
        assert_eq!(assoc_ids(&server).unwrap(), []);
    }
}

/// If the helper thread kept a duplicate, the association would not end when the caller closes
/// its descriptor. The port would stay bound when the caller closes the one-to-many socket.
#[test]
fn peeler_holds_no_socket_after_a_call() {
    process::alone(|| {
        let before = descriptors::open().len();
        let peeler = Peeler::new().unwrap();
        assert_eq!(descriptors::open().len(), before + 1);
        let (server, _client, id) = associated(Family::V4);
        let folder = helper_thread().join("fd");
        let own = || fs::read_dir(&folder).unwrap().count();
        assert_eq!(own(), 1);
        let peeled = peeler.peeloff(&server, id).unwrap();
        assert_eq!(own(), 1);
        peeler.peeloff(&server, id).unwrap_err();
        assert_eq!(own(), 1);
        drop(peeler);
        wait_for_end_of_helper_thread();
        drop(peeled);
        assert_eq!(descriptors::open().len(), before + 2);
    });
}
