//! A cgroup BPF program overwrites the result of a peel-off. The library must not adopt a
//! descriptor that was open before, and no error may report a wrong effect.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::stdio::{dup2_stdin, stdin};
use sctp_peeloff::{
    AssocId, Effect, Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags, sockopt,
};

use super::expect_terminated;
use crate::support::cgroup::{Group, Only, Overwrite};
use crate::support::message::works;
use crate::support::option;
use crate::support::system::{FILE_MAX, Sysctl, in_other_network, without_capabilities};
use crate::support::{
    Family, associate, associate_many, associated, descriptors, kernel, process, server,
};

type Peeloff = fn(BorrowedFd<'_>, AssocId) -> Result<OwnedFd, Error>;

/// Every function that adopts a descriptor. The last one requires the flags option.
const FUNCTIONS: [Peeloff; 4] = [
    |socket, id| peeloff(socket, id),
    |socket, id| peeloff_flags(socket, id, PeeloffFlags::all()),
    // `sockopt` returns only an errno, so that the state of the association is unknown.
    |socket, id| sockopt::peeloff(socket, id).map_err(Error::StateUnknown),
    |socket, id| {
        sockopt::peeloff_flags(socket, id, PeeloffFlags::all()).map_err(Error::StateUnknown)
    },
];

/// What the kernel does with the association before the program overwrites the result.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Situation {
    PeeledOff,
    /// The call fails with `EINVAL`, because the association is already on another socket of
    /// this process.
    PeeledOffBefore,
    /// The call fails with `EINVAL`. The association is not affected.
    OtherNamespace,
    /// The call fails with `ENFILE`. The kernel terminates the association.
    NoFile,
}

use Situation::{NoFile, OtherNamespace, PeeledOff, PeeledOffBefore};

/// The file that descriptor 0 refers to.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Zero {
    File,
    /// A peeled-off socket with another association.
    OtherAssociation,
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
    /// A descriptor of an unrelated socket.
    Foreign,
}

/// Makes descriptor 0 refer to `/dev/null`.
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

/// Peels off an association, and checks the result, the descriptors and the association.
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
    let other = (zero == Zero::OtherAssociation).then(|| {
        let (server, client, id) = associated(Family::V4);
        (client, peeloff(&server, id).unwrap())
    });
    match zero {
        Zero::File => {}
        Zero::OtherAssociation => dup2_stdin(&other.as_ref().unwrap().1).unwrap(),
        #[allow(unsafe_code, reason = "standard input is closed")]
        // SAFETY: no other code in this process uses or owns standard input.
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
            assert_eq!(situation, PeeledOff, "no descriptor is new");
            assert!(!before.contains(&peeled.as_raw_fd()), "adopted {peeled:?}");
            assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
            rustix::io::ioctl_fionbio(&peeled, false).unwrap();
            works(&peeled, &client, id);
            Ok(())
        }
        Err(error) => {
            let is_there = assoc_ids(&server).unwrap().contains(&id);
            let is_overwritten = error.errno() == Some(Errno::BADMSG);
            assert!(
                !is_overwritten || error.effect() == Effect::Unknown,
                "{error:?}"
            );
            match error.effect() {
                Effect::None => assert!(is_there || situation == PeeledOffBefore, "{error:?}"),
                Effect::Terminated => {
                    assert_eq!(situation, NoFile, "{error:?}");
                    expect_terminated(&server, &client, id);
                }
                Effect::Unknown => {}
                Effect::PeeledOff => panic!("{error:?}"),
            }
            Err(error)
        }
    };
    // No descriptor that was open before has been closed.
    let after = descriptors::open();
    let closed = before.iter().find(|fd| !after.contains(fd));
    assert_eq!(closed, None, "{before:?} {after:?}");
    if let Some(earlier) = earlier {
        works(&earlier, &client, id);
    }
    restore_zero();
    outcome
}

/// Whether the kernel runs the program for a peel-off. Linux 6.1.176 does not, and neither do
/// Linux 6.5 and later.
fn runs_for_peeloff(group: &Group) -> bool {
    let server = group.within(|| server(Family::V4));
    let overwrite = Overwrite {
        zero: true,
        ..Overwrite::default()
    };
    group.attach_to_getsockopt(&overwrite.program());
    let mut argument = [(-5_i32).to_ne_bytes(), (-1_i32).to_ne_bytes()].concat();
    let option = sockopt::SCTP_SOCKOPT_PEELOFF;
    let result = option::get(&server, sockopt::SOL_SCTP, option, &mut argument);
    group.detach_from_getsockopt();
    result.is_ok()
}

#[test]
fn peeloff_never_returns_a_descriptor_that_was_open_before() {
    process::in_guest(|| {
        let group = Group::new("getsockopt");
        let runs = runs_for_peeloff(&group);
        let functions = &FUNCTIONS[..3 + usize::from(kernel::has_flags_option())];
        // If the kernel runs the program only for queries, no result is above 0.
        let scopes = &[None, Some(Only::Peeloff), Some(Only::Success)][..2 + usize::from(runs)];
        let mut cases = 0_usize;
        restore_zero();
        for (situation, zero, sd) in combinations() {
            for (zero_result, refuse) in [(false, false), (true, false), (false, true)] {
                for &only in scopes {
                    let is_success = only == Some(Only::Success);
                    let changes = zero_result || refuse;
                    if is_success && !changes || zero == Zero::OtherAssociation && !is_success {
                        continue;
                    }
                    let overwrite = Overwrite {
                        only,
                        zero: zero_result,
                        refuse,
                        sd: None,
                    };
                    // Each combination runs with one function and one number of associations.
                    // Both change from one combination to the next.
                    let function = functions[cases % functions.len()];
                    let others = [0, 2][cases / functions.len() % 2];
                    let outcome = check(&group, overwrite, situation, (zero, sd), others, function);
                    check_outcome(runs, situation, (overwrite, zero, sd), outcome);
                    cases += 1;
                }
            }
        }
        println!("{cases} cases; the kernel runs the program for a peel-off: {runs}");
    });
}

fn combinations() -> Vec<(Situation, Zero, Sd)> {
    let mut all = Vec::new();
    for situation in [PeeledOff, PeeledOffBefore, OtherNamespace, NoFile] {
        for zero in [
            Zero::File,
            Zero::OtherAssociation,
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

/// Checks that a successful peel-off is reported as an error only if the result does not prove
/// which descriptor is new.
fn check_outcome(
    runs: bool,
    situation: Situation,
    (overwrite, zero, sd): (Overwrite, Zero, Sd),
    outcome: Result<(), Error>,
) {
    let keeps_result = !overwrite.zero && !overwrite.refuse;
    let keeps_queries = overwrite.only.is_some() || (keeps_result && sd == Sd::Kept);
    // If the program refuses the call, the kernel does not copy the program's value of `sd`.
    let is_found = match zero {
        Zero::Closed if !runs => keeps_queries,
        Zero::Closed if keeps_result => keeps_queries && matches!(sd, Sd::Kept | Sd::Zero),
        _ => !runs || (keeps_queries && !overwrite.zero),
    };
    if let (Err(error), PeeledOff) = (outcome, situation) {
        assert!(!is_found, "{overwrite:?} {zero:?} {sd:?}: {error:?}");
        assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
    }
}
