//! Counts of heap allocations, system calls and processor ticks.
#![allow(
    unsafe_code,
    reason = "an allocator, ptrace(2) and the time-stamp counter"
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
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86_64 has it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// How many system calls the body makes, in a child that is traced.
///
/// The child stops itself, runs the body and ends by _exit(2), whose entry is not
/// counted.
pub(crate) fn system_calls(body: impl FnOnce()) -> u64 {
    // SAFETY: this process has one thread, so its child may do what it could.
    match unsafe { libc::fork() } {
        0 => {
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
    let (mut entry, mut marks, mut calls) = (false, 0, 0);
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
            entry = !entry;
            // SAFETY: reads one word of the child's registers.
            let number = unsafe {
                libc::ptrace(
                    libc::PTRACE_PEEKUSER,
                    child,
                    8 * libc::ORIG_RAX as usize,
                    0_usize,
                )
            };
            match (entry, number == libc::SYS_getppid) {
                (true, true) => marks += 1,
                (true, false) if marks == 1 => calls += 1,
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
