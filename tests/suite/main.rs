//! What runs on a kernel with SCTP, which `tests/guest/run` brings if this machine
//! has none: one program, with a module for each subject.
//!
//! Tests with a seccomp filter on socket calls are left out on i386 and s390x
//! (`support/filter.rs`).
#![allow(missing_docs)]

mod association_setup;

mod errors;
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
mod fallback;
mod flags;
mod lookup;
mod notification;
mod peeled_socket;
mod peeloff;
mod races;
mod random_calls;
mod rcvinfo;
mod readme;
mod restricted_environment;
mod runtimes;
mod scale;
#[path = "../support/mod.rs"]
mod support;

#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn on_an_old_kernel() {
    support::process::rerun_on_old_kernel();
}
