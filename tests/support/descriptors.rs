//! The open file descriptors of this process and their limit. Tests that use this module run
//! in `process::alone`.

use std::fs::{self, File};
use std::os::fd::AsFd;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sctp_peeloff::PeeloffFlags;

/// The open file descriptors, without the one with which this function reads `/proc`.
pub fn open() -> Vec<i32> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc/self/fd");
    let mut numbers: Vec<i32> = entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| !target.ends_with("fd")))
        .map(|entry| entry.file_name().into_string().expect("a number"))
        .map(|name| name.parse().expect("a number"))
        .collect();
    numbers.sort_unstable();
    numbers
}

/// A changed `RLIMIT_NOFILE`. Dropping this value restores the old limit and closes the
/// descriptors that were opened to reach the limit.
pub struct Limit {
    old: Rlimit,
    fillers: Vec<File>,
}

impl Limit {
    /// Opens files until the limit is reached. No file descriptor is then available.
    pub fn none_free() -> Self {
        // A test has fewer than 256 descriptors open.
        let mut limit = Self::soft(256);
        while let Ok(filler) = File::open("/dev/null") {
            limit.fillers.push(filler);
        }
        limit
    }

    pub fn free_one(&mut self) {
        drop(self.fillers.pop().expect("a filler"));
    }

    pub fn soft(number: u64) -> Self {
        Self::set(number, getrlimit(Resource::Nofile).maximum)
    }

    /// Raises the limit above the needs of every test.
    pub fn most() -> Self {
        Self::set(1 << 17, Some(1 << 17))
    }

    fn set(current: u64, maximum: Option<u64>) -> Self {
        let (old, fillers) = (getrlimit(Resource::Nofile), Vec::new());
        let current = Some(current);
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).expect("a limit");
        Self { old, fillers }
    }
}

/// Runs the body under a limit, and drops the limit before it returns.
pub fn under<L, T>(limit: L, body: impl FnOnce() -> T) -> T {
    let _limit = limit;
    body()
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.fillers.clear();
        setrlimit(Resource::Nofile, self.old).expect("the old limit");
    }
}

/// Reads `O_NONBLOCK` and `FD_CLOEXEC` of the descriptor.
pub fn flags_of(fd: impl AsFd) -> PeeloffFlags {
    let mut flags = PeeloffFlags::empty();
    let nonblock = fcntl_getfl(&fd).expect("flags").contains(OFlags::NONBLOCK);
    flags.set(PeeloffFlags::NONBLOCK, nonblock);
    let cloexec = fcntl_getfd(&fd).expect("flags").contains(FdFlags::CLOEXEC);
    flags.set(PeeloffFlags::CLOEXEC, cloexec);
    flags
}
