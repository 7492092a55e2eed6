//! Counts of heap allocations, system calls and processor ticks.
#![allow(
    unsafe_code,
    reason = "an allocator, fork(2), ptrace(2) and the time-stamp counter"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// The time-stamp counter, which counts instructions under `-icount shift=0`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86_64 has it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Nanoseconds.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn ticks() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).expect("a time")
}

/// What the body gives, in a child of this process: what the library has learned by
/// now it knows there too, and what it learns there ends with it.
pub(crate) fn in_child(body: impl FnOnce() -> u64) -> u64 {
    let (ours, its) = rustix::pipe::pipe().expect("a pipe");
    // SAFETY: this process has one thread, so its child may do what it could.
    match unsafe { libc::fork() } {
        0 => {
            rustix::io::write(&its, &body().to_ne_bytes()).expect("a number");
            // SAFETY: no pointer.
            unsafe { libc::_exit(0) }
        }
        child => {
            let mut number = [0; 8];
            drop(its);
            let read = rustix::io::read(&ours, &mut number).expect("a number");
            let mut status = 0;
            // SAFETY: the status lives through the call.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert!(
                waited == child && status == 0 && read == 8,
                "the child failed"
            );
            u64::from_ne_bytes(number)
        }
    }
}

/// How many system calls the body makes, in a child that is traced, after what
/// comes first.
///
/// The child stops itself, runs the body and ends by _exit(2), whose entry is not
/// counted.
pub(crate) fn system_calls(first: impl FnOnce(), body: impl FnOnce()) -> u64 {
    // SAFETY: this process has one thread, so its child may do what it could.
    match unsafe { libc::fork() } {
        0 => {
            first();
            // SAFETY: neither takes a pointer that is read. The call that stops the
            // child is over, from its tracer's view, at the stop.
            unsafe {
                libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
                libc::raise(libc::SIGSTOP);
                libc::syscall(libc::SYS_getppid);
            }
            body();
            // SAFETY: as above.
            unsafe {
                libc::syscall(libc::SYS_getppid);
                libc::_exit(0)
            }
        }
        child => trace(child),
    }
}

/// Counts the entries between the child's two calls of getppid(2).
fn trace(child: libc::pid_t) -> u64 {
    let (mut marks, mut calls) = (0, 0);
    loop {
        let mut status = 0;
        // SAFETY: the status lives through the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert!(waited == child, "the traced child is gone");
        if libc::WIFEXITED(status) {
            assert!(
                libc::WEXITSTATUS(status) == 0 && marks == 2,
                "the traced child failed"
            );
            return calls;
        }
        assert!(
            libc::WIFSTOPPED(status),
            "the traced child was ended: {status:#x}"
        );
        if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 {
            match entered(child) {
                Some(number) if number == libc::SYS_getppid => marks += 1,
                Some(_) if marks == 1 => calls += 1,
                _ => {}
            }
        }
        // SAFETY: neither takes a pointer.
        unsafe {
            let good = libc::PTRACE_O_TRACESYSGOOD;
            libc::ptrace(libc::PTRACE_SETOPTIONS, child, 0, good);
            libc::ptrace(libc::PTRACE_SYSCALL, child, 0, 0);
        }
    }
}

/// The number of the system call that the child is about to make; none where it
/// comes from one.
fn entered(child: libc::pid_t) -> Option<libc::c_long> {
    // `struct ptrace_syscall_info` as far as the number: libc has it, and the
    // request, for glibc alone.
    let mut info = [0_u64; 4];
    let size = size_of_val(&info);
    // SAFETY: the kernel writes at most that size.
    let got = unsafe { libc::ptrace(0x420e, child, size, info.as_mut_ptr()) };
    assert!(got > 0, "PTRACE_GET_SYSCALL_INFO");
    let entry = info[0].to_ne_bytes()[0] == 1;
    entry.then(|| libc::c_long::try_from(info[3]).expect("a number"))
}
