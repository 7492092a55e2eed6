//! No file descriptor is available: the limits of the process and of the system.
//!
//! If no file descriptor is available, the kernel terminates the association. The library
//! duplicates a file descriptor before the call (the guard). The guard prevents the
//! termination at the limit of the process, but not at the limit of the system.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::stdio::dup2_stdin;
use sctp_peeloff::{AssocId, Error, Peeler, PeeloffFlags, assoc_ids, sockopt};

use super::{FUNCTIONS, expect_terminated};
use crate::support::descriptors::{self, Limit, under};
use crate::support::filter::{Call, denied};
use crate::support::message::works;
use crate::support::system::{FILE_MAX, NR_OPEN, Sysctl, without_capabilities};
use crate::support::{FAMILIES, Family, assert_matches, associated, kernel, process};

#[test]
fn peeloff_fails_with_no_descriptor_if_none_is_free() {
    process::alone(|| {
        for family in FAMILIES {
            for function in FUNCTIONS {
                let (server, client, id) = associated(family);
                let before = descriptors::open();
                let result = under(Limit::none_free(), || function(&server, id));
                assert_matches!(result, Err(Error::NoDescriptor(Errno::MFILE)));
                assert_eq!(descriptors::open(), before);
                works(&server, &client, id);
                works(&function(&server, id).unwrap(), &client, id);
            }
        }
    });
}

#[test]
fn peeloff_fails_with_no_descriptor_for_limit_of_zero() {
    process::alone(|| {
        let (server, _client, id) = associated(Family::V4);
        for function in FUNCTIONS {
            let result = under(Limit::soft(0), || function(&server, id));
            assert_matches!(result, Err(Error::NoDescriptor(Errno::MFILE)));
        }
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
    });
}

#[test]
fn peeloff_succeeds_if_one_descriptor_is_free() {
    process::alone(|| {
        for function in FUNCTIONS {
            let (server, client, id) = associated(Family::V4);
            let mut limit = Limit::none_free();
            limit.free_one();
            let peeled = function(&server, id).unwrap();
            drop(limit);
            works(&peeled, &client, id);
        }
    });
}

#[test]
fn sockopt_peeloff_terminates_the_association_if_no_descriptor_is_free() {
    type Bare = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Errno>;
    let bare: [Bare; 2] = [
        |server, id| sockopt::peeloff(server, id),
        |server, id| sockopt::peeloff_flags(server, id, PeeloffFlags::CLOEXEC),
    ];
    process::alone(|| {
        for call in &bare[..=usize::from(kernel::has_flags_option())] {
            let (server, client, id) = associated(Family::V4);
            let result = under(Limit::none_free(), || call(&server, id));
            assert_matches!(result, Err(Errno::MFILE));
            expect_terminated(&server, &client, id);
        }
    });
}

/// A seccomp filter makes the fcntl call of the guard fail, which simulates a kernel that
/// cannot enlarge the descriptor table.
#[test]
fn peeloff_fails_with_os_enomem_without_effect_if_the_guard_fails_with_enomem() {
    process::alone(|| {
        for function in FUNCTIONS {
            let (server, client, id) = associated(Family::V4);
            let call = [Call::fcntl(libc::F_DUPFD_CLOEXEC)];
            let error = denied(call, libc::ENOMEM, || function(&server, id).unwrap_err());
            assert_matches!(error, Error::Os(Errno::NOMEM));
            works(&function(&server, id).unwrap(), &client, id);
        }
    });
}

/// A seccomp filter denies the fcntl call of the guard. The library then calls getsockopt with
/// no descriptor free. The error depends on the errno of getsockopt and on the state of the
/// association.
#[test]
fn peeloff_fails_with_association_lost_if_the_guard_is_denied() {
    process::alone(|| {
        for function in FUNCTIONS {
            let (server, client, id) = associated(Family::V4);
            let call = [Call::fcntl(libc::F_DUPFD_CLOEXEC)];
            let error = denied(call, libc::EPERM, || {
                let _limit = Limit::none_free();
                function(&server, id).unwrap_err()
            });
            assert_matches!(error, Error::AssociationLost(Errno::MFILE));
            expect_terminated(&server, &client, id);
        }
    });
}

/// A seccomp filter makes the fcntl call of the guard return 0 without a duplicate. Descriptor 0
/// has another owner, and must stay open.
#[test]
fn peeloff_does_not_close_descriptor_0_if_a_filter_fakes_the_duplicate() {
    process::alone(|| {
        dup2_stdin(fs::File::open("/dev/null").unwrap()).unwrap();
        let faked = || [Call::fcntl(libc::F_DUPFD_CLOEXEC)];
        // The helper thread receives the socket of a request as its descriptor 0.
        let peeler = denied(faked(), 0, || Peeler::new().unwrap());
        let before = descriptors::open();
        for function in FUNCTIONS {
            let (server, client, id) = associated(Family::V4);
            let result = denied(faked(), 0, || function(&server, id));
            works(&result.unwrap(), &client, id);
        }
        let (server, client, id) = associated(Family::V4);
        works(&peeler.peeloff(&server, id).unwrap(), &client, id);
        drop((server, client));
        assert_eq!(descriptors::open(), before);
    });
}

/// The guard does not detect the limit `fs.file-max`: the duplicate of a file descriptor
/// requires no new open file.
#[test]
fn peeloff_fails_with_association_lost_at_file_max() {
    process::in_guest(|| {
        for function in FUNCTIONS {
            let (server, client, id) = associated(Family::V4);
            let before = descriptors::open();
            let error = under(Sysctl::set(FILE_MAX, "0"), || {
                without_capabilities(|| function(&server, id).unwrap_err())
            });
            assert_matches!(error, Error::AssociationLost(Errno::NFILE));
            assert_eq!(descriptors::open(), before);
            expect_terminated(&server, &client, id);
        }
    });
}

/// `fs.nr_open` is the maximum of `RLIMIT_NOFILE`.
#[test]
fn peeloff_fails_with_no_descriptor_at_nr_open() {
    process::in_guest(|| {
        let _limit = Limit::soft(4096);
        let (server, client, id) = associated(Family::V4);
        // The kernel checks `fs.nr_open` only when it enlarges the descriptor table, for
        // example at 512 descriptors.
        let open = || fs::File::open("/dev/null");
        let mut fillers = vec![open().unwrap()];
        while fillers.last().unwrap().as_raw_fd() != 510 {
            fillers.push(open().unwrap());
        }
        let number = Sysctl::set(NR_OPEN, "512");
        fillers.push(open().unwrap());
        let full = open().err().and_then(|error| error.raw_os_error());
        let results = FUNCTIONS.map(|function| function(&server, id));
        drop(fillers);
        drop(number);
        assert_eq!(full, Some(libc::EMFILE), "the descriptor table is not full");
        for result in results {
            assert_matches!(result, Err(Error::NoDescriptor(Errno::MFILE)));
        }
        works(&server, &client, id);
    });
}
