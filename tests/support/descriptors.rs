//! How many descriptors this process has, and may have: for `process::alone`.

use std::fs::File;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The numbers of the open descriptors, but for the one that this takes itself.
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

/// Restores the limit when it goes, and frees what filled it.
pub struct Limit {
    old: Rlimit,
    fillers: Vec<File>,
}

impl Limit {
    /// No number is free: the next descriptor is refused.
    pub fn none_free() -> Self {
        let highest = open().last().copied().expect("a descriptor");
        let mut limit = Self::soft(u64::try_from(highest).expect("a number") + 2);
        // One above the highest, and the gaps below it.
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

    /// More than any test needs.
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
