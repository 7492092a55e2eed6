//! A cgroup BPF program overwrites what a peel-off returns: nobody's descriptor is
//! adopted, and no error claims what is not so.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::stdio::{dup2_stdin, stdin};
use sctp_peeloff::{
    AssocId, Effect, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags, sockopt,
};

use super::gone;
use crate::support::cgroup::{Group, Overwrite};
use crate::support::message::works;
use crate::support::option;
use crate::support::system::{FILE_MAX, Sysctl, in_other_network, without_capabilities};
use crate::support::{Family, associate, associate_many, descriptors, kernel, process, server};

type Peeloff = fn(BorrowedFd<'_>, AssocId) -> Result<OwnedFd, Error>;

/// Every function that adopts a descriptor.
fn functions() -> Vec<Peeloff> {
    let mut functions: Vec<Peeloff> = vec![
        |socket, id| peeloff(socket, id),
        |socket, id| peeloff_flags(socket, id, PeeloffFlags::all()),
        // Without a diagnosis the state of the association is unknown.
        |socket, id| sockopt::peeloff(socket, id).map_err(Error::StateUnknown),
    ];
    if kernel::has_flags_option() {
        functions.push(|socket, id| {
            sockopt::peeloff_flags(socket, id, PeeloffFlags::all()).map_err(Error::StateUnknown)
        });
    }
    functions
}

/// What happens to the association before the program overwrites the result.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Situation {
    PeeledOff,
    /// `EINVAL`: it is on another socket of this process already.
    PeeledOffBefore,
    /// `EINVAL`, and it stays where it is.
    OtherNamespace,
    /// `ENFILE`: the kernel terminates it.
    NoFile,
}

use Situation::{NoFile, OtherNamespace, PeeledOff, PeeledOffBefore};

/// What descriptor 0 is.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Zero {
    File,
    Closed,
    TheSocket,
    ThePeeledOff,
}

/// The descriptor that the program writes to `sd`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Sd {
    Kept,
    Zero,
    TheSocket,
    ThePeeledOff,
    /// Of something else.
    Foreign,
}

/// Descriptor 0 becomes `/dev/null`.
fn restore_zero() {
    let null = File::open("/dev/null").unwrap();
    if null.as_raw_fd() == 0 {
        std::mem::forget(null);
    } else {
        dup2_stdin(null).unwrap();
    }
}

fn call(
    situation: Situation,
    function: Peeloff,
    socket: BorrowedFd<'_>,
    id: AssocId,
) -> Result<OwnedFd, Error> {
    match situation {
        PeeledOff | PeeledOffBefore => function(socket, id),
        OtherNamespace => in_other_network(|| function(socket, id)),
        NoFile => {
            let _limit = Sysctl::set(FILE_MAX, "0");
            without_capabilities(|| function(socket, id))
        }
    }
}

/// One peel-off, and everything that must hold after it.
fn check(
    group: &Group,
    overwrite: Overwrite,
    situation: Situation,
    (zero, sd): (Zero, Sd),
    others: usize,
    function: Peeloff,
) -> Result<(), Error> {
    let foreign = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = group.within(|| server(Family::V4));
    let _others = associate_many(Family::V4, &server, others);
    let (client, id) = associate(Family::V4, &server);
    let earlier = (situation == PeeledOffBefore).then(|| peeloff(&server, id).unwrap());
    match zero {
        Zero::File => {}
        #[allow(unsafe_code, reason = "standard input is closed")]
        // SAFETY: nothing else in this process uses standard input.
        Zero::Closed => unsafe { rustix::io::close(0) },
        Zero::TheSocket => dup2_stdin(&server).unwrap(),
        Zero::ThePeeledOff => dup2_stdin(earlier.as_ref().unwrap()).unwrap(),
    }
    let socket = match zero {
        Zero::TheSocket => stdin(),
        _ => server.as_fd(),
    };
    let overwrite = Overwrite {
        sd: match sd {
            Sd::Kept => None,
            Sd::Zero => Some(0),
            Sd::TheSocket => Some(socket.as_raw_fd()),
            Sd::ThePeeledOff => earlier.as_ref().map(AsRawFd::as_raw_fd),
            Sd::Foreign => Some(foreign.as_raw_fd()),
        },
        ..overwrite
    };
    let before = descriptors::open();
    group.attach_to_getsockopt(&overwrite.program());
    let outcome = call(situation, function, socket, id);
    group.detach_from_getsockopt();

    let outcome = match outcome {
        Ok(peeled) => {
            assert_eq!(situation, PeeledOff, "there is nothing to adopt");
            assert!(!before.contains(&peeled.as_raw_fd()), "adopted {peeled:?}");
            assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
            let nonblocking = rustix::fs::fcntl_getfl(&peeled).unwrap();
            rustix::fs::fcntl_setfl(&peeled, nonblocking - rustix::fs::OFlags::NONBLOCK).unwrap();
            works(&peeled, &client, id);
            Ok(())
        }
        Err(error) => {
            let is_there = assoc_ids(&server).unwrap().contains(&id);
            match error.effect() {
                Effect::None => assert!(is_there || situation == PeeledOffBefore, "{error:?}"),
                Effect::Terminated => {
                    assert_eq!(situation, NoFile, "{error:?}");
                    gone(&server, &client, id);
                }
                Effect::Unknown => {}
                Effect::PeeledOff => panic!("{error:?}"),
            }
            Err(error)
        }
    };
    // Nobody's descriptor was closed.
    let after = descriptors::open();
    assert!(
        before.iter().all(|fd| after.contains(fd)),
        "{before:?} {after:?}"
    );
    if let Some(earlier) = earlier {
        works(&earlier, &client, id);
    }
    restore_zero();
    outcome
}

/// Whether the kernel runs the program for a peel-off. 6.1.176 does not, nor do kernels
/// since 6.5.
fn runs_for_peeloff(group: &Group) -> bool {
    let server = group.within(|| server(Family::V4));
    group.attach_to_getsockopt(
        &Overwrite {
            zero: true,
            ..Overwrite::default()
        }
        .program(),
    );
    let mut argument = [(-5_i32).to_ne_bytes(), (-1_i32).to_ne_bytes()].concat();
    let option = sockopt::SCTP_SOCKOPT_PEELOFF;
    let result = option::get(server.as_fd(), sockopt::SOL_SCTP, option, &mut argument);
    group.detach_from_getsockopt();
    result.is_ok()
}

#[test]
fn no_descriptor_is_adopted_that_was_open_before() {
    process::in_guest(|| {
        let group = Group::new("getsockopt");
        let runs = runs_for_peeloff(&group);
        let functions = functions();
        let mut cases = 0_usize;
        restore_zero();
        for (situation, zero, sd) in combinations() {
            for (zero_result, refuse) in [(false, false), (true, false), (false, true)] {
                for only_peeloff in [true, false] {
                    let overwrite = Overwrite {
                        only_peeloff,
                        zero: zero_result,
                        refuse,
                        sd: None,
                    };
                    // One function and one number of associations for each combination.
                    let function = functions[cases % functions.len()];
                    let others = [0, 2][cases / functions.len() % 2];
                    let outcome = check(&group, overwrite, situation, (zero, sd), others, function);
                    verdict(runs, situation, (overwrite, zero, sd), outcome);
                    cases += 1;
                }
            }
        }
        println!("{cases} cases, the program runs: {runs}");
    });
}

fn combinations() -> Vec<(Situation, Zero, Sd)> {
    let mut all = Vec::new();
    for situation in [PeeledOff, PeeledOffBefore, OtherNamespace, NoFile] {
        for zero in [
            Zero::File,
            Zero::Closed,
            Zero::TheSocket,
            Zero::ThePeeledOff,
        ] {
            for sd in [
                Sd::Kept,
                Sd::Zero,
                Sd::TheSocket,
                Sd::ThePeeledOff,
                Sd::Foreign,
            ] {
                let needs_earlier = zero == Zero::ThePeeledOff || sd == Sd::ThePeeledOff;
                if !needs_earlier || situation == PeeledOffBefore {
                    all.push((situation, zero, sd));
                }
            }
        }
    }
    all
}

/// The descriptor is lost only if it cannot be shown to be new.
fn verdict(
    runs: bool,
    situation: Situation,
    (overwrite, zero, sd): (Overwrite, Zero, Sd),
    outcome: Result<(), Error>,
) {
    let keeps_result = !overwrite.zero && !overwrite.refuse;
    let keeps_queries = overwrite.only_peeloff || (keeps_result && sd == Sd::Kept);
    // After a refusal the kernel does not copy the program's value.
    let is_found = match zero {
        Zero::Closed if !runs => keeps_queries,
        Zero::Closed if keeps_result => keeps_queries && matches!(sd, Sd::Kept | Sd::Zero),
        _ => !runs || (keeps_queries && !overwrite.zero),
    };
    match outcome {
        Err(error) if situation == PeeledOff => {
            assert!(!is_found, "{overwrite:?} {zero:?} {sd:?}: {error:?}");
            assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
        }
        _ => {}
    }
}
