//! Counts of heap allocations, system calls and ticks of the CPU's time-stamp counter.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, waitpid};

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

pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// The time-stamp counter, which counts instructions under `-icount shift=0`.
#[cfg(target_arch = "x86_64")]
pub fn ticks() -> u64 {
    // SAFETY: every x86_64 CPU has a time-stamp counter.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// The monotonic clock in nanoseconds.
#[cfg(not(target_arch = "x86_64"))]
pub fn ticks() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).expect("a time")
}

/// Runs `body` in a child process and returns its result. The child starts with a copy of the
/// library's cache, and its changes to the copy do not affect this process.
pub fn in_child(body: impl FnOnce() -> u64) -> u64 {
    let (ours, its) = rustix::pipe::pipe().expect("a pipe");
    let child = fork(|| {
        rustix::io::write(&its, &body().to_ne_bytes()).expect("a number");
    });
    drop(its);
    let mut number = [0; 8];
    let read = rustix::io::read(&ours, &mut number).expect("a number");
    assert_eq!((wait(child).exit_status(), read), (Some(0), 8));
    u64::from_ne_bytes(number)
}

/// Counts the system calls of `body` in a traced child process. The child runs `first` before
/// the tracing starts. It drops both results after the tracing has ended.
pub fn system_calls<T, R>(first: impl FnOnce() -> T, body: impl FnOnce(&T) -> R) -> u64 {
    let child = fork(|| {
        let first = first();
        let own = getpid();
        // SAFETY: PTRACE_TRACEME ignores its pointer arguments.
        unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
        kill_process(own, Signal::STOP).expect("a stop");
        let _result = body(&first);
        kill_process(own, Signal::STOP).expect("a stop");
    });
    trace(child)
}

/// Starts a child process that runs `body` and exits with status 0.
fn fork(body: impl FnOnce()) -> Pid {
    // SAFETY: this thread holds no lock, and a `Peeler`'s thread, if any, waits in a system
    // call, so the child may call every function.
    let child = unsafe { libc::fork() };
    if child == 0 {
        body();
        // SAFETY: _exit has no pointer argument.
        unsafe { libc::_exit(0) }
    }
    Pid::from_raw(child).expect("a child")
}

/// Counts the child's system calls between its two signals. The child stops twice for each
/// call. The call that sends the second signal does not count.
fn trace(child: Pid) -> u64 {
    let request = |request, data: i32| {
        // SAFETY: the requests below dereference no pointer.
        unsafe { libc::ptrace(request, child.as_raw_pid(), 0, data) }
    };
    // The signal that has stopped the child.
    let stop = || wait(child).stopping_signal().expect("a child that stops");
    let mut stops = 0;
    assert_eq!(stop(), libc::SIGSTOP);
    request(libc::PTRACE_SETOPTIONS, libc::PTRACE_O_TRACESYSGOOD);
    loop {
        request(libc::PTRACE_SYSCALL, 0);
        match stop() {
            libc::SIGSTOP => break,
            signal => assert_eq!(signal, libc::SIGTRAP | 0x80),
        }
        stops += 1;
    }
    request(libc::PTRACE_CONT, 0);
    assert_eq!(wait(child).exit_status(), Some(0), "the traced child");
    stops / 2 - 1
}

fn wait(child: Pid) -> WaitStatus {
    let ended = waitpid(Some(child), WaitOptions::empty()).expect("a child");
    ended.expect("its status").1
}
