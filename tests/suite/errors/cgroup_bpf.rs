//! A cgroup BPF program that overwrites the result of getsockopt.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use sctp_peeloff::{AssocId, Error, PeeloffFlags, peeloff, peeloff_flags, sockopt};

use super::WAYS;
use crate::support::cgroup::{self, Group};
use crate::support::descriptors;
use crate::support::message::{Message, receive, send};
use crate::support::{Family, address, associate_many, kernel, process, server, wait_for};

/// Such a program may see the answer to a peel-off, and spoil it; the descriptor is
/// there all the same. Linux 6.1.176, and any since 6.5, does not ask it about
/// peel-offs.
#[test]
fn a_cgroups_program_does_not_cost_the_descriptor() {
    process::in_guest(|| spoiled(&cgroup::refuse()));
}

#[test]
fn a_cgroups_program_that_clears_the_word_does_not_cost_the_descriptor() {
    process::in_guest(|| spoiled(&cgroup::zero_second_word()));
}

fn spoiled(program: &[cgroup::Instruction]) {
    let group = Group::new("getsockopt");
    let server = group.within(|| server(Family::V4));
    let clients = associate_many(Family::V4, &server, 3);
    group.attach_to_getsockopt(program);
    let before = descriptors::open().len();
    let id = clients[2].1;
    let bare = if kernel::has_flags_option() {
        sockopt::peeloff_flags(server.as_fd(), id, PeeloffFlags::all())
    } else {
        sockopt::peeloff(server.as_fd(), id)
    };
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
    process::in_guest(|| {
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
