//! What runs on a kernel with SCTP, which `tests/guest/run` brings if this machine
//! has none: one program, with a module for each subject.
#![allow(missing_docs)]

mod association_setup;

mod descriptor_leaks;
mod errors;
mod fallback;
mod flags;
mod guide;
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

/// Not on i386 and s390x, whose socket calls a filter does not see.
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn on_an_old_kernel() {
    support::process::rerun_on_old_kernel();
}
