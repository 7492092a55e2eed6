//! The tests that require a kernel with SCTP, with a module for each subject. If the kernel of
//! this machine does not have SCTP, `tests/guest/run` runs them in a virtual machine. FreeBSD
//! runs only `portable`.
//!
//! On i386 and s390x, tests that depend on a seccomp filter for a socket function are not
//! compiled. `support/filter.rs` gives the reason.
#![allow(missing_docs)]

#[cfg(target_os = "linux")]
mod association_setup;
#[cfg(target_os = "linux")]
mod errors;
#[cfg(target_os = "linux")]
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
mod fallback;
#[cfg(target_os = "linux")]
mod flags;
#[cfg(target_os = "linux")]
mod guide;
#[cfg(target_os = "linux")]
mod lookup;
#[cfg(target_os = "linux")]
mod notification;
#[cfg(target_os = "linux")]
mod peeled_socket;
#[cfg(target_os = "linux")]
mod peeler;
#[cfg(target_os = "linux")]
mod peeloff;
#[cfg(target_os = "linux")]
mod peer_address;
mod portable;
#[cfg(target_os = "linux")]
mod races;
#[cfg(target_os = "linux")]
mod random_calls;
#[cfg(target_os = "linux")]
mod rcvinfo;
#[cfg(target_os = "linux")]
mod restricted_environment;
#[cfg(target_os = "linux")]
mod runtimes;
#[cfg(target_os = "linux")]
mod scale;
#[cfg(target_os = "linux")]
mod subscription;
#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
#[cfg(not(any(target_arch = "x86", target_arch = "s390x")))]
#[test]
fn all_tests_pass_on_an_old_kernel() {
    support::process::rerun_on_old_kernel(&[
        "errors::out_of_memory::",
        "errors::overwritten_result::",
        "guide::",
        "notification::",
        "peeled_socket::",
        "peeler::",
        "portable::",
        "rcvinfo::",
        "runtimes::",
        "scale::",
    ]);
}
