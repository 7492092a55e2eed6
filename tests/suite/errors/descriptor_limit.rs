//! No file descriptor is available: the limits of the process and of the system.
//!
//! The kernel terminates an association for which it finds none; the guard keeps that
//! from happening at the limit of the process.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread;

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use sctp_peeloff::{AssocId, Error, PeeloffFlags, assoc_ids, sockopt};

use super::{WAYS, alive, gone};
use crate::support::descriptors::{self, Limit};
use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, Family, associate, filter, kernel, process, server, wait_for};

fn works(peeled: &OwnedFd, client: &OwnedFd) {
    send(client, &Message::new("works", 0, 0)).unwrap();
    let got = wait_for("the message", || receive(peeled).ok());
    assert_eq!(got.data, b"works");
}

#[test]
fn with_none_free_the_association_stays() {
    process::alone(|| {
        for family in FAMILIES {
            for way in WAYS {
                let server = server(family);
                let (client, id) = associate(family, &server);
                let before = descriptors::open();

                let limit = Limit::none_free();
                let error = way(&server, id).unwrap_err();
                drop(limit);

                assert!(
                    matches!(error, Error::NoDescriptor(Errno::MFILE)),
                    "{error:?}"
                );
                assert_eq!(descriptors::open(), before);
                send(&client, &Message::new("still here", 0, 0)).unwrap();
                let got = receive(&server).unwrap();
                assert_eq!(
                    (got.data.as_slice(), got.assoc),
                    (b"still here".as_slice(), id)
                );
                works(&way(&server, id).unwrap(), &client);
            }
        }
    });
}

#[test]
fn a_limit_of_zero_is_one_too() {
    process::alone(|| {
        let server = server(Family::V4);
        let (_client, id) = associate(Family::V4, &server);
        let limit = Limit::soft(0);
        let errors = WAYS.map(|way| way(&server, id).unwrap_err());
        drop(limit);
        for error in errors {
            assert!(
                matches!(error, Error::NoDescriptor(Errno::MFILE)),
                "{error:?}"
            );
        }
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
    });
}

#[test]
fn one_free_is_enough() {
    process::alone(|| {
        for way in WAYS {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            let mut limit = Limit::none_free();
            limit.free_one();
            let peeled = way(&server, id).unwrap();
            drop(limit);
            works(&peeled, &client);
        }
    });
}

#[test]
fn the_bare_calls_lose_it_as_documented() {
    type Bare = fn(&OwnedFd, AssocId) -> Result<OwnedFd, Errno>;
    process::alone(|| {
        let bare: [Bare; 2] = [
            |server, id| sockopt::peeloff(server.as_fd(), id),
            |server, id| sockopt::peeloff_flags(server.as_fd(), id, PeeloffFlags::CLOEXEC),
        ];
        let bare = if kernel::has_flags_option() {
            &bare[..]
        } else {
            &bare[..1]
        };
        for call in bare {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            let limit = Limit::none_free();
            let answer = call(&server, id);
            drop(limit);
            assert_eq!(answer.map(|_| ()), Err(Errno::MFILE));
            assert_eq!(assoc_ids(&server).unwrap(), []);
            // The peer sees it end.
            assert_eq!(receive(&client).map(|message| message.data), Ok(vec![]));
        }
    });
}

/// What keeps a number from the guard would keep it from the peel-off. A filter stands
/// for the kernel that cannot make the table of descriptors longer.
#[test]
fn without_memory_for_a_number_the_association_stays() {
    process::alone(|| {
        for way in WAYS {
            let server = server(Family::V4);
            let (client, id) = associate(Family::V4, &server);
            let error = std::thread::scope(|scope| {
                let without = scope.spawn(|| {
                    filter::deny([filter::Call::fcntl(libc::F_DUPFD_CLOEXEC)], libc::ENOMEM);
                    way(&server, id).unwrap_err()
                });
                without.join().unwrap()
            });
            assert!(matches!(error, Error::Os(Errno::NOMEM)), "{error:?}");
            works(&way(&server, id).unwrap(), &client);
        }
    });
}

/// A filter that answers the guard's question leaves only the kernel's own word,
/// and what it did with the association.
#[test]
fn past_the_guard_the_loss_is_told() {
    process::alone(|| {
        for way in WAYS {
            let server = server(Family::V4);
            let (_client, id) = associate(Family::V4, &server);
            let error = std::thread::scope(|scope| {
                let past = scope.spawn(|| {
                    filter::deny([filter::Call::fcntl(libc::F_DUPFD_CLOEXEC)], libc::EPERM);
                    let limit = Limit::none_free();
                    let error = way(&server, id).unwrap_err();
                    drop(limit);
                    error
                });
                past.join().unwrap()
            });
            assert!(
                matches!(error, Error::AssociationLost(Errno::MFILE)),
                "{error:?}"
            );
            wait_for("the list to be empty", || {
                assoc_ids(&server).unwrap().is_empty().then_some(())
            });
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
    process::in_guest(|| {
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
    process::in_guest(|| {
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
