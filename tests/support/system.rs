//! Settings of the whole system, namespaces and capabilities. Tests that use `Sysctl` or
//! `in_other_network` run in `process::in_guest`.
#![allow(unsafe_code, reason = "unshare_unsafe")]

use std::fs;

use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, set_capabilities, unshare_unsafe};

use super::in_thread;
use super::process::is_guest;

pub const FILE_MAX: &str = "/proc/sys/fs/file-max";
pub const NR_OPEN: &str = "/proc/sys/fs/nr_open";

/// A changed sysctl. Dropping this value restores the old setting.
pub struct Sysctl(&'static str, String);

impl Sysctl {
    pub fn set(path: &'static str, value: &str) -> Self {
        assert!(is_guest(), "this would change {path} of the host");
        let old = fs::read_to_string(path).expect(path);
        fs::write(path, value).expect(path);
        Self(path, old)
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        fs::write(self.0, self.1.trim()).expect(self.0);
    }
}

/// Runs the body in a thread without capabilities. The limits of the system apply to this
/// thread.
pub fn without_capabilities<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    in_thread(|| {
        let mut sets = capabilities(None).expect("capabilities");
        sets.effective = CapabilitySet::empty();
        set_capabilities(None, sets).expect("capabilities");
        body()
    })
}

/// Runs the body in a thread with a new network namespace.
pub fn in_other_network<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    assert!(is_guest(), "this would create a namespace on the host");
    in_thread(|| {
        // SAFETY: only the network namespace of this thread changes.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("a namespace");
        body()
    })
}
