//! Counts of heap allocations, system calls and ticks of the CPU's time-stamp counter.
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

// SAFETY: both methods forward to `System`, which is a correct allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// The time-stamp counter, which counts instructions under `-icount shift=0`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86_64 CPU has a time-stamp counter.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// The monotonic clock in nanoseconds.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn ticks() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).expect("a time")
}

/// Runs `body` in a child process and returns its result. The child starts with a copy of the
/// library's cache, and its changes to the copy do not affect this process.
pub(crate) fn in_child(body: impl FnOnce() -> u64) -> u64 {
    let (ours, its) = rustix::pipe::pipe().expect("a pipe");
    // SAFETY: this thread holds no lock, and a `Peeler`'s thread, if any, waits in a system
    // call, so the child may call every function.
    match unsafe { libc::fork() } {
        0 => {
            rustix::io::write(&its, &body().to_ne_bytes()).expect("a number");
            // SAFETY: _exit has no pointer argument.
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

/// Counts the system calls of `body` in a traced child process. The child runs `first` before
/// the tracing starts.
pub(crate) fn system_calls(first: impl FnOnce(), body: impl FnOnce()) -> u64 {
    // SAFETY: this thread holds no lock, and a `Peeler`'s thread, if any, waits in a system
    // call, so the child may call every function.
    match unsafe { libc::fork() } {
        0 => {
            first();
            // SAFETY: PTRACE_TRACEME ignores its pointer arguments, and the other calls have
            // none.
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

/// Counts the child's system calls between its two signals. The child stops twice for each
/// call. The call that sends the second signal does not count.
fn trace(child: libc::pid_t) -> u64 {
    let mut stops = 0;
    assert_eq!(stop(child), libc::SIGSTOP);
    // SAFETY: PTRACE_SETOPTIONS dereferences no pointer.
    unsafe {
        libc::ptrace(
            libc::PTRACE_SETOPTIONS,
            child,
            0,
            libc::PTRACE_O_TRACESYSGOOD,
        )
    };
    loop {
        // SAFETY: PTRACE_SYSCALL dereferences no pointer.
        unsafe { libc::ptrace(libc::PTRACE_SYSCALL, child, 0, 0) };
        match stop(child) {
            libc::SIGSTOP => break,
            signal => assert_eq!(signal, libc::SIGTRAP | 0x80),
        }
        stops += 1;
    }
    // SAFETY: PTRACE_CONT dereferences no pointer.
    unsafe { libc::ptrace(libc::PTRACE_CONT, child, 0, 0) };
    let status = wait(child);
    assert!(status == 0, "the traced child failed: {status:#x}");
    stops / 2 - 1
}

/// Waits until the child stops and returns the signal.
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
    // SAFETY: `status` is valid for writes during the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert!(waited == child, "waitpid failed");
    status
}
