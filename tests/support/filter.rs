//! System calls denied by seccomp on the calling thread, and on what it starts.
//!
//! A denied option makes an old kernel of any: before 4.13 the flags option
//! answered `ENOPROTOOPT`.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;

// Both have the same function, `apply(calls, action)`.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
#[path = "filter/library.rs"]
mod program;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
#[path = "filter/classic.rs"]
mod program;

use program::apply;

/// What becomes of a denied call.
#[derive(Clone, Copy)]
enum Action {
    Errno(u16),
    KillProcess,
}

/// A system call, told by its number and some of its arguments.
pub struct Call {
    number: libc::c_long,
    /// An argument's index, and the value of its lower 32 bits.
    arguments: Vec<(u8, u32)>,
}

/// The one that libraries call.
#[cfg(target_pointer_width = "32")]
const SYS_FCNTL: libc::c_long = libc::SYS_fcntl64;
#[cfg(not(target_pointer_width = "32"))]
const SYS_FCNTL: libc::c_long = libc::SYS_fcntl;

impl Call {
    pub fn any(number: libc::c_long) -> Self {
        Self {
            number,
            arguments: Vec::new(),
        }
    }

    pub fn getsockopt(option: i32) -> Self {
        let option = u32::try_from(option).expect("an option");
        Self {
            number: libc::SYS_getsockopt,
            arguments: vec![(1, 132), (2, option)],
        }
    }

    pub fn fcntl(command: i32) -> Self {
        let command = u32::try_from(command).expect("a command");
        Self {
            number: SYS_FCNTL,
            arguments: vec![(1, command)],
        }
    }

    pub fn socket_of(family: i32) -> Self {
        let family = u32::try_from(family).expect("a family");
        Self {
            number: libc::SYS_socket,
            arguments: vec![(0, family)],
        }
    }

    pub fn socket(protocol: u32) -> Self {
        Self {
            number: libc::SYS_socket,
            arguments: vec![(2, protocol)],
        }
    }
}

/// From here on, on this thread, the calls fail with this errno.
pub fn deny(calls: impl IntoIterator<Item = Call>, errno: i32) {
    let errno = u16::try_from(errno).expect("an errno");
    apply(calls, Action::Errno(errno));
}

/// From here on, on this thread, the calls end the process, and so fail the test.
pub fn forbid(calls: impl IntoIterator<Item = Call>) {
    apply(calls, Action::KillProcess);
}

/// What the kernel before 4.13 lacked.
pub fn flags_option() -> Call {
    Call::getsockopt(sctp_peeloff::sockopt::SCTP_SOCKOPT_PEELOFF_FLAGS)
}

/// Runs all other tests of this file once more, in a process of their own whose
/// kernel has no flags option.
pub fn rerun_on_old_kernel(this_test: &'static str) {
    let output = thread::spawn(move || {
        deny([flags_option()], libc::ENOPROTOOPT);
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(["--skip", this_test])
            .env("OLD_KERNEL", "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests, once more");
        let mut output = String::new();
        child
            .stdout
            .take()
            .expect("a pipe")
            .read_to_string(&mut output)
            .expect("its output");
        let status = child.wait().expect("its end");
        assert!(status.success(), "on an old kernel: {status}\n{output}");
        output
    });
    let output = output.join().expect("no panic");
    print!("{output}");
    assert!(
        !output.contains("running 0 tests"),
        "nothing was run:\n{output}"
    );
    assert!(
        output.contains("; 0 failed; 0 ignored;"),
        "not all was run:\n{output}"
    );
}

/// Whether this process was started by [`rerun_on_old_kernel`].
pub fn on_old_kernel() -> bool {
    std::env::var_os("OLD_KERNEL").is_some()
}
