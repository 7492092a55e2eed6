//! System calls denied by seccomp on the calling thread, and on what it starts.
//!
//! A denied option makes an old kernel of any: before 4.13 the flags option
//! answered `ENOPROTOOPT`.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// A system call, told by its number and some of its arguments.
pub struct Call {
    number: i64,
    arguments: Vec<(u8, u64)>,
}

impl Call {
    pub fn any(number: i64) -> Self {
        Self {
            number,
            arguments: Vec::new(),
        }
    }

    pub fn getsockopt(option: i32) -> Self {
        let option = u64::try_from(option).expect("an option");
        Self {
            number: libc::SYS_getsockopt,
            arguments: vec![(1, 132), (2, option)],
        }
    }

    pub fn fcntl(command: i32) -> Self {
        let command = u64::try_from(command).expect("a command");
        Self {
            number: libc::SYS_fcntl,
            arguments: vec![(1, command)],
        }
    }

    pub fn socket_of(family: i32) -> Self {
        let family = u64::try_from(family).expect("a family");
        Self {
            number: libc::SYS_socket,
            arguments: vec![(0, family)],
        }
    }

    pub fn socket(protocol: u64) -> Self {
        Self {
            number: libc::SYS_socket,
            arguments: vec![(2, protocol)],
        }
    }
}

/// From here on, on this thread, the calls fail with this errno.
pub fn deny(calls: impl IntoIterator<Item = Call>, errno: i32) {
    let errno = u32::try_from(errno).expect("an errno");
    apply(calls, SeccompAction::Errno(errno));
}

/// From here on, on this thread, the calls end the process, and so fail the test.
pub fn forbid(calls: impl IntoIterator<Item = Call>) {
    apply(calls, SeccompAction::KillProcess);
}

fn apply(calls: impl IntoIterator<Item = Call>, action: SeccompAction) {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for call in calls {
        let conditions = call.arguments.into_iter().map(|(index, value)| {
            SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
                .expect("a condition")
        });
        let rules = rules.entry(call.number).or_default();
        let conditions: Vec<_> = conditions.collect();
        if !conditions.is_empty() {
            rules.push(SeccompRule::new(conditions).expect("a rule"));
        }
    }
    let processor = std::env::consts::ARCH.try_into().expect("a processor");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, processor);
    let program: BpfProgram = filter.expect("a filter").try_into().expect("a program");
    apply_filter(&program).expect("seccomp");
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
