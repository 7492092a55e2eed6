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
            let status = wait(child);
            assert!(status == 0 && read == 8, "the child failed: {status:#x}");
            u64::from_ne_bytes(number)
        }
    }
}

/// How many system calls the body makes, in a child that is traced, after what
/// comes first.
pub(crate) fn system_calls(first: impl FnOnce(), body: impl FnOnce()) -> u64 {
    // SAFETY: this process has one thread, so its child may do what it could.
    match unsafe { libc::fork() } {
        0 => {
            first();
            // SAFETY: none takes a pointer that is read.
            unsafe {
                let own = libc::getpid();
                libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
                libc::syscall(libc::SYS_kill, own, libc::SIGSTOP);
                body();
                libc::syscall(libc::SYS_kill, own, libc::SIGSTOP);
                libc::_exit(0)
            }
        }
        child => trace(child),
    }
}

/// Between its two signals the child stops twice for each system call: those of the
/// body, and the one that sends the second signal.
fn trace(child: libc::pid_t) -> u64 {
    let mut stops = 0;
    assert_eq!(stop(child), libc::SIGSTOP);
    // SAFETY: no pointer.
    unsafe {
        libc::ptrace(
            libc::PTRACE_SETOPTIONS,
            child,
            0,
            libc::PTRACE_O_TRACESYSGOOD,
        )
    };
    loop {
        // SAFETY: no pointer.
        unsafe { libc::ptrace(libc::PTRACE_SYSCALL, child, 0, 0) };
        match stop(child) {
            libc::SIGSTOP => break,
            signal => assert_eq!(signal, libc::SIGTRAP | 0x80),
        }
        stops += 1;
    }
    // SAFETY: no pointer.
    unsafe { libc::ptrace(libc::PTRACE_CONT, child, 0, 0) };
    let status = wait(child);
    assert!(status == 0, "the traced child failed: {status:#x}");
    stops / 2 - 1
}

/// Why the child stopped.
fn stop(child: libc::pid_t) -> i32 {
    let status = wait(child);
    assert!(
        libc::WIFSTOPPED(status),
        "the traced child has ended: {status:#x}"
    );
    libc::WSTOPSIG(status)
}

fn wait(child: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: the status lives through the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert!(waited == child, "the child is gone");
    status
}
