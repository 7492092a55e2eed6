//! A cgroup BPF program overwrites the result of getsockopt. Linux 5.3 and later call
//! it for a peel-off; 6.1.176, and all since 6.5, do not.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sctp_peeloff::{AssocId, Error, PeeloffFlags, peeloff, peeloff_flags, sockopt};

use super::WAYS;
use crate::support::cgroup::{self, Group};
use crate::support::message::{Message, receive, send};
use crate::support::{
    Family, address, associate_many, descriptors, kernel, process, server, wait_for,
};

#[test]
fn peeloff_returns_the_descriptor_if_a_program_returns_an_error() {
    process::in_guest(|| overwritten(&cgroup::refuse()));
}

#[test]
fn peeloff_returns_the_descriptor_if_a_program_clears_it() {
    process::in_guest(|| overwritten(&cgroup::zero_second_word()));
}

fn overwritten(program: &[cgroup::Instruction]) {
    let group = Group::new("getsockopt");
    let server = group.within(|| server(Family::V4));
    let clients = associate_many(Family::V4, &server, 3);
    group.attach_to_getsockopt(program);
    let before = descriptors::open().len();
    let id = clients[2].1;
    let bare = if kernel::has_flags_option() {
        sockopt::peeloff_flags(&server, id, PeeloffFlags::all())
    } else {
        sockopt::peeloff(&server, id)
    };
    let peeled = [
        peeloff(&server, clients[0].1),
        peeloff_flags(&server, clients[1].1, PeeloffFlags::CLOEXEC),
        bare.map_err(Error::Os),
    ];
    assert_eq!(descriptors::open().len(), before + 3);
    let peeled = peeled.map(Result::unwrap);
    for (peeled, (client, _)) in peeled.iter().zip(&clients) {
        // Not with the id: the program may overwrite that result too.
        let name = address(client).to_string();
        send(client, &Message::new(&name, 0, 0)).unwrap();
        let got = wait_for("the message", || receive(peeled).ok());
        assert_eq!(got.data, name.as_bytes());
    }
    fails_without_a_descriptor(&server, before + 3);
}

/// An error stays one, and no other descriptor is taken for the new one.
fn fails_without_a_descriptor(server: &OwnedFd, descriptors: usize) {
    let none = AssocId::from_raw(-5);
    for way in WAYS {
        way(server, none).unwrap_err();
    }
    sockopt::peeloff(server, none).unwrap_err();
    assert_eq!(descriptors::open().len(), descriptors);
}

/// Linux 5.10 gives the program neither the descriptor nor the id, and returns its 0.
#[test]
fn peeloff_fails_with_state_unknown_if_a_program_returns_zero() {
    process::in_guest(|| {
        let group = Group::new("getsockopt");
        let server = group.within(|| server(Family::V4));
        let clients = associate_many(Family::V4, &server, 2);
        group.attach_to_getsockopt(&cgroup::return_zero());
        let before = descriptors::open().len();
        for (way, (client, id)) in WAYS.into_iter().zip(&clients) {
            match way(&server, *id) {
                Err(Error::StateUnknown(Errno::BADMSG)) if kernel::version() < (6, 1) => {}
                Ok(peeled) if kernel::version() >= (6, 1) || kernel::version() < (5, 3) => {
                    send(client, &Message::new("alive", 0, 0)).unwrap();
                    let got = wait_for("the message", || receive(&peeled).ok());
                    assert_eq!(got.data, b"alive");
                    // As many as there would be on the other kernel.
                    std::mem::forget(peeled);
                }
                result => panic!("{result:?}"),
            }
        }
        fails_without_a_descriptor(&server, before + 2);
    });
}
