//! By a few instructions of classic BPF, on the processors that seccompiler does
//! not know. The processor is not checked: the caller is this program alone.
#![allow(unsafe_code, reason = "prctl")]

use std::mem::offset_of;

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, seccomp_data, sock_filter};

use super::{Action, Call};

pub(super) fn apply(calls: impl IntoIterator<Item = Call>, action: Action) {
    let action = match action {
        Action::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        Action::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
    };
    let mut program: Vec<_> = calls
        .into_iter()
        .flat_map(|call| answer(&call, action))
        .collect();
    program.push(instruction(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
    install(&mut program);
}

/// Answers this call with the action; any other goes on behind these instructions.
fn answer(call: &Call, action: u32) -> Vec<sock_filter> {
    let number = u32::try_from(call.number).expect("a call's number");
    let number = (offset_of!(seccomp_data, nr), number);
    let arguments = call
        .arguments
        .iter()
        .map(|&(index, value)| (lower_half(index), value));
    let tests: Vec<_> = std::iter::once(number).chain(arguments).collect();
    let mut program = Vec::new();
    for (done, &(offset, value)) in tests.iter().enumerate() {
        let offset = u32::try_from(offset).expect("an offset");
        program.push(instruction(BPF_LD | BPF_W | BPF_ABS, offset));
        // Over the tests that remain, two instructions each, and the answer.
        let rest = 2 * (tests.len() - done - 1) + 1;
        program.push(sock_filter {
            jf: u8::try_from(rest).expect("a short program"),
            ..instruction(BPF_JMP | BPF_JEQ | BPF_K, value)
        });
    }
    program.push(instruction(BPF_RET | BPF_K, action));
    program
}

/// Arguments are 64 bits wide on every processor, in its own order of bytes.
fn lower_half(index: u8) -> usize {
    let argument = offset_of!(seccomp_data, args) + 8 * usize::from(index);
    argument + if cfg!(target_endian = "big") { 4 } else { 0 }
}

fn instruction(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: u16::try_from(code).expect("a code"),
        jt: 0,
        jf: 0,
        k,
    }
}

fn install(program: &mut [sock_filter]) {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).expect("a short program"),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the kernel copies the program, which lives through both calls.
    unsafe {
        let done = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        assert_eq!(done, 0, "PR_SET_NO_NEW_PRIVS");
        let done = libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        );
        assert_eq!(done, 0, "PR_SET_SECCOMP");
    }
}
