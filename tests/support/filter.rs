//! seccomp filters that deny system calls to the calling thread and to the threads and
//! processes that it starts.
//!
//! On i386 and s390x, all socket functions use one system call, socketcall, which takes a
//! pointer to the arguments. A filter cannot read memory through a pointer. On these
//! architectures a filter can therefore deny fcntl and close, but not getsockopt.
#![allow(unsafe_code, reason = "prctl")]

use std::mem::offset_of;

use super::in_thread;
use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, seccomp_data, sock_filter};
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF_FLAGS, SOL_SCTP};

/// A system call, identified by its number and some of its arguments.
#[derive(Clone)]
pub struct Call {
    /// A function may have several system call numbers.
    numbers: &'static [libc::c_long],
    /// The index of each compared argument, and the value of its lower 32 bits.
    arguments: Vec<(usize, i32)>,
}

#[cfg(target_pointer_width = "32")]
const FCNTL: &[libc::c_long] = &[libc::SYS_fcntl, libc::SYS_fcntl64];
#[cfg(not(target_pointer_width = "32"))]
const FCNTL: &[libc::c_long] = &[libc::SYS_fcntl];

impl Call {
    pub fn any(numbers: &'static [libc::c_long]) -> Self {
        Self::with(numbers, &[])
    }

    fn with(numbers: &'static [libc::c_long], arguments: &[(usize, i32)]) -> Self {
        let arguments = arguments.to_vec();
        Self { numbers, arguments }
    }

    pub fn getsockopt(option: i32) -> Self {
        Self::with(&[libc::SYS_getsockopt], &[(1, SOL_SCTP), (2, option)])
    }

    pub fn any_fcntl() -> Self {
        Self::any(FCNTL)
    }

    pub fn setsockopt(option: i32) -> Self {
        Self::with(&[libc::SYS_setsockopt], &[(1, 132), (2, option)])
    }

    pub fn fcntl(command: i32) -> Self {
        Self::with(FCNTL, &[(1, command)])
    }

    pub fn close(fd: i32) -> Self {
        Self::with(&[libc::SYS_close], &[(0, fd)])
    }

    /// Matches only calls that also have this argument.
    pub fn with_argument(mut self, index: usize, value: i32) -> Self {
        self.arguments.push((index, value));
        self
    }

    pub fn socket_of(family: i32) -> Self {
        Self::with(&[libc::SYS_socket], &[(0, family)])
    }

    pub fn socket(protocol: i32) -> Self {
        Self::with(&[libc::SYS_socket], &[(2, protocol)])
    }
}

/// The peel-off option that kernels before 4.13 do not have.
pub fn flags_option() -> Call {
    Call::getsockopt(SCTP_SOCKOPT_PEELOFF_FLAGS)
}

/// Installs a filter that makes the calls of this thread fail with the errno.
pub fn deny(calls: impl IntoIterator<Item = Call>, errno: i32) {
    let errno = u32::try_from(errno).expect("an errno");
    apply(calls, libc::SECCOMP_RET_ERRNO | errno);
}

/// Runs the body in a thread whose calls fail with the errno.
pub fn denied<T: Send>(
    calls: impl IntoIterator<Item = Call> + Send,
    errno: i32,
    body: impl FnOnce() -> T + Send,
) -> T {
    in_thread(|| {
        deny(calls, errno);
        body()
    })
}

/// Runs the body in a thread. If the thread makes one of the calls, the process ends and the
/// test fails.
pub fn forbidden<T: Send>(
    calls: impl IntoIterator<Item = Call> + Send,
    body: impl FnOnce() -> T + Send,
) -> T {
    in_thread(|| {
        apply(calls, libc::SECCOMP_RET_KILL_PROCESS);
        body()
    })
}

/// Installs a filter that ends a thread if it makes one of the calls. The filter applies to
/// this thread and to the threads that it starts.
pub fn kill_thread(calls: impl IntoIterator<Item = Call>) {
    apply(calls, libc::SECCOMP_RET_KILL_THREAD);
}

/// The filter does not check the architecture, because only this program makes calls under it.
fn apply(calls: impl IntoIterator<Item = Call>, action: u32) {
    let mut program = Vec::new();
    for call in calls {
        for number in call.numbers {
            let number = u32::try_from(*number).expect("a call's number");
            program.extend(rule(number, &call.arguments, action));
        }
    }
    program.push(instruction(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
    install(&mut program);
}

/// Returns instructions that take the action if the call matches. Otherwise execution
/// continues after these instructions.
fn rule(number: u32, arguments: &[(usize, i32)], action: u32) -> Vec<sock_filter> {
    let mut tests = vec![(offset_of!(seccomp_data, nr), number)];
    // Arguments are 64 bits wide on every architecture, in native byte order.
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };
    tests.extend(arguments.iter().map(|&(index, value)| {
        let offset = offset_of!(seccomp_data, args) + 8 * index + half;
        (offset, u32::from_ne_bytes(value.to_ne_bytes()))
    }));
    let mut program = Vec::new();
    for (done, &(offset, value)) in tests.iter().enumerate() {
        let offset = u32::try_from(offset).expect("an offset");
        program.push(instruction(BPF_LD | BPF_W | BPF_ABS, offset));
        // If a comparison fails, jump over the remaining comparisons (two instructions each)
        // and the action.
        let rest = 2 * (tests.len() - done - 1) + 1;
        program.push(sock_filter {
            jf: u8::try_from(rest).expect("a short program"),
            ..instruction(BPF_JMP | BPF_JEQ | BPF_K, value)
        });
    }
    program.push(instruction(BPF_RET | BPF_K, action));
    program
}

pub fn instruction(code: u32, k: u32) -> sock_filter {
    let code = u16::try_from(code).expect("a code");
    let (jt, jf) = (0, 0);
    sock_filter { code, jt, jf, k }
}

fn install(program: &mut [sock_filter]) {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).expect("a short program"),
        filter: program.as_mut_ptr(),
    };
    rustix::thread::set_no_new_privs(true).expect("no new privileges");
    let (option, mode) = (libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER);
    // SAFETY: `program` is valid during the call, and the kernel copies it.
    let done = unsafe { libc::prctl(option, mode, &raw const program) };
    assert_eq!(done, 0, "seccomp");
}
