//! The helper thread has ended, or is a thread of the parent process.
#![allow(unsafe_code, reason = "fork")]

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sctp_peeloff::sockopt::SCTP_SOCKOPT_PEELOFF;
use sctp_peeloff::{AssocId, Effect, Error, Peeler, assoc_ids};

use super::{alone_with_peeler, exit_status, wait_for_end_of_helper_thread, works};
use crate::support::filter::{Call, denied, kill_thread};
use crate::support::{Family, assert_matches, associate, associated, in_thread, process};

/// Starts a helper thread with a filter that ends it if it makes one of the calls.
fn start_killed_by(calls: impl IntoIterator<Item = Call> + Send) -> Result<Peeler, Error> {
    in_thread(|| {
        kill_thread(calls);
        Peeler::new()
    })
}

#[test]
fn new_fails_with_os_etimedout_if_a_seccomp_filter_ends_the_helper_thread() {
    process::alone(|| {
        let calls = [Call::any(&[libc::SYS_close_range, libc::SYS_unshare])];
        assert_matches!(start_killed_by(calls), Err(Error::Os(Errno::TIMEDOUT)));
    });
}

fn peel_off(peeler: &Peeler, server: &OwnedFd, id: AssocId) -> Error {
    let error = peeler.peeloff(server, id).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::PIPE));
    error
}

#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn peeler_fails_with_os_epipe_if_the_helper_thread_ends_before_the_peel_off() {
    process::alone(|| {
        let (server, client, id) = associated(Family::V4);
        let peeler = start_killed_by([Call::getsockopt(SCTP_SOCKOPT_PEELOFF)]).unwrap();
        for _ in 0..2 {
            assert_eq!(peel_off(&peeler, &server, id).effect(), Effect::None);
        }
        assert_eq!(assoc_ids(&server).unwrap(), [id]);
        works(
            &Peeler::new().unwrap().peeloff(&server, id).unwrap(),
            &client,
        );
    });
}

/// The process is waiting for the reply when the kernel closes the descriptor table of the
/// helper thread.
#[test]
fn peeler_fails_with_state_unknown_if_the_helper_thread_ends_after_the_peel_off() {
    process::alone(|| {
        let (server, _client, id) = associated(Family::V4);
        // In the table of the helper thread, descriptor 0 is the duplicate of the one-to-many
        // socket. The helper thread closes it after the peel-off.
        let peeler = start_killed_by([Call::close(0)]).unwrap();
        assert_eq!(peel_off(&peeler, &server, id).effect(), Effect::Unknown);
        // The second request does not reach the helper thread.
        assert_eq!(peel_off(&peeler, &server, id).effect(), Effect::None);
        assert_eq!(assoc_ids(&server).unwrap(), []);
    });
}

#[test]
fn peeler_fails_with_os_epipe_in_a_child_that_fork_created() {
    alone_with_peeler(|peeler, server, client, id| {
        // SAFETY: the child of fork(2) only makes system calls and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let refused = matches!(peeler.peeloff(&server, id), Err(Error::Os(Errno::PIPE)));
            // This must not end the helper thread of the parent.
            drop(peeler);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(i32::from(refused)) };
        }
        assert_eq!(exit_status(child), Some(1));
        works(&peeler.peeloff(&server, id).unwrap(), &client);
    });
}

/// The child has a copy of the channel to the helper thread.
#[test]
fn helper_thread_ends_although_a_child_that_fork_created_lives() {
    process::alone(|| {
        let peeler = Peeler::new().unwrap();
        // SAFETY: the child of fork(2) only makes system calls, until a signal or time ends it.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: `sleep` has no preconditions.
            unsafe { libc::sleep(60) };
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(0) };
        }
        drop(peeler);
        wait_for_end_of_helper_thread();
        // SAFETY: the child is this process's own.
        unsafe { libc::kill(child, libc::SIGKILL) };
    });
}

/// The reply that the failed call did not receive contains the descriptor of its association.
/// A later call for another association must not receive this reply.
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn peeler_fails_with_epipe_after_a_call_that_could_not_receive_its_reply() {
    process::alone(|| {
        let (server, _first, first) = associated(Family::V4);
        let (second, id) = associate(Family::V4, &server);
        let peeler = Peeler::new().unwrap();
        let receive = [Call::any(&[libc::SYS_recvmsg])];
        let error = denied(receive, libc::EPERM, || {
            peeler.peeloff(&server, first).unwrap_err()
        });
        assert_matches!(error, Error::StateUnknown(Errno::PERM));
        assert_eq!(peel_off(&peeler, &server, id).effect(), Effect::None);
        works(
            &Peeler::new().unwrap().peeloff(&server, id).unwrap(),
            &second,
        );
    });
}
