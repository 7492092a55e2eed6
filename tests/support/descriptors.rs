//! The open file descriptors of this process and their limit. Tests that use this module run
//! in `process::alone`.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sctp_peeloff::PeeloffFlags;

/// The open file descriptors, without the one with which this function reads `/proc`.
pub fn open() -> Vec<i32> {
    let own = std::fs::read_dir("/proc/self/fd").expect("/proc/self/fd");
    let mut numbers: Vec<i32> = own
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| {
            name.to_str()
                .and_then(|name| name.parse().ok())
                .expect("a number")
        })
        .filter(|number| {
            std::fs::read_link(format!("/proc/self/fd/{number}"))
                .is_ok_and(|target| !target.to_string_lossy().ends_with("/fd"))
        })
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
        let old = getrlimit(Resource::Nofile);
        let new = Rlimit {
            current: Some(number),
            ..old
        };
        setrlimit(Resource::Nofile, new).expect("a limit");
        Self {
            old,
            fillers: Vec::new(),
        }
    }

    /// Raises the limit above the needs of every test.
    pub fn most() -> Self {
        let old = getrlimit(Resource::Nofile);
        let new = Rlimit {
            current: Some(1 << 17),
            maximum: Some(1 << 17),
        };
        setrlimit(Resource::Nofile, new).expect("a limit");
        Self {
            old,
            fillers: Vec::new(),
        }
    }
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
