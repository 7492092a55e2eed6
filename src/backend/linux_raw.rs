//! Linux without libc: getsockopt and setsockopt in inline assembly.
//!
//! The operands and clobbers follow syscall(2). On riscv64 the kernel also overwrites
//! the vector registers ([Documentation/arch/riscv/vector.rst]).
//!
//! [Documentation/arch/riscv/vector.rst]: https://docs.kernel.org/arch/riscv/vector.html
#![expect(unsafe_code, reason = "system calls")]

use core::arch::asm;
use core::ffi::c_int;
use core::ptr;

use rustix::fd::RawFd;

use crate::uapi::{Plain, SOL_SCTP};

#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const SETSOCKOPT: usize = 54;
    pub(super) const GETSOCKOPT: usize = 55;
}
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod number {
    pub(super) const SETSOCKOPT: usize = 208;
    pub(super) const GETSOCKOPT: usize = 209;
}
#[cfg(target_arch = "arm")]
mod number {
    pub(super) const SETSOCKOPT: usize = 294;
    pub(super) const GETSOCKOPT: usize = 295;
}
/// The calls of socketcall(2). On i386 getsockopt and setsockopt have system calls of
/// their own only since Linux 4.3.
#[cfg(target_arch = "x86")]
mod number {
    pub(super) const SETSOCKOPT: usize = 14;
    pub(super) const GETSOCKOPT: usize = 15;
}

#[inline]
pub(crate) fn getsockopt<T: Plain + ?Sized>(fd: RawFd, option: c_int, value: &mut T) -> c_int {
    // Only a list can be longer, and the kernel refuses lists of 2 GiB and more.
    let mut len = u32::try_from(size_of_val(value)).unwrap_or(u32::MAX);
    let value = ptr::from_mut(value).cast::<u8>() as usize;
    // SAFETY: `value` and `len` are live and exclusively borrowed. The kernel writes at
    // most `len` bytes, which is at most the size of `value`; `Plain` guarantees that
    // any bytes are a valid `T`.
    unsafe { call(number::GETSOCKOPT, fd, option, value, &raw mut len as usize) }
}

pub(crate) fn setsockopt<T: Plain>(fd: RawFd, option: c_int, value: &T) -> c_int {
    let len = size_of::<T>();
    let value = ptr::from_ref(value).cast::<u8>() as usize;
    // SAFETY: `value` is live, and `Plain` guarantees that all of its bytes are
    // initialized. The kernel reads `len` bytes and writes nothing.
    unsafe { call(number::SETSOCKOPT, fd, option, value, len) }
}

/// # Safety
///
/// `value` and `len` must be what the system call requires.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "an int is passed in a register and returned in a register"
)]
#[inline]
unsafe fn call(number: usize, fd: RawFd, option: c_int, value: usize, len: usize) -> c_int {
    let arguments = [fd as usize, SOL_SCTP as usize, option as usize, value, len];
    // SAFETY: the caller guarantees what the system call requires.
    unsafe { syscall(number, arguments) as c_int }
}

/// # Safety
///
/// The arguments must be what the system call requires.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn syscall(number: usize, [fd, level, option, value, len]: [usize; 5]) -> usize {
    let returned;
    // SAFETY: the caller guarantees the arguments. The kernel preserves all registers
    // but rax, rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => returned,
            in("rdi") fd,
            in("rsi") level,
            in("rdx") option,
            in("r10") value,
            in("r8") len,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    returned
}

/// # Safety
///
/// The arguments must be what the system call requires.
#[cfg(target_arch = "aarch64")]
#[inline]
unsafe fn syscall(number: usize, [fd, level, option, value, len]: [usize; 5]) -> usize {
    let returned;
    // SAFETY: the caller guarantees the arguments. The kernel preserves all general
    // registers but x0. It discards the SVE predicates and all but the lower 128 bits of
    // the vector registers (Documentation/arch/arm64/sve.rst).
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") fd => returned,
            in("x1") level,
            in("x2") option,
            in("x3") value,
            in("x4") len,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _,
            out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            out("p0") _, out("p1") _, out("p2") _, out("p3") _,
            out("p4") _, out("p5") _, out("p6") _, out("p7") _,
            out("p8") _, out("p9") _, out("p10") _, out("p11") _,
            out("p12") _, out("p13") _, out("p14") _, out("p15") _,
            out("ffr") _,
            options(nostack),
        );
    }
    returned
}

/// # Safety
///
/// The arguments must be what the system call requires.
#[cfg(target_arch = "arm")]
#[inline]
unsafe fn syscall(number: usize, [fd, level, option, value, len]: [usize; 5]) -> usize {
    let returned;
    // SAFETY: the caller guarantees the arguments. The kernel preserves all registers
    // but r0. In Thumb code r7 is the frame pointer and cannot be an operand, so that
    // it is saved and restored here.
    unsafe {
        asm!(
            "mov {saved}, r7",
            "mov r7, {number}",
            "svc 0",
            "mov r7, {saved}",
            number = in(reg) number,
            saved = out(reg) _,
            inlateout("r0") fd => returned,
            in("r1") level,
            in("r2") option,
            in("r3") value,
            in("r4") len,
            options(nostack),
        );
    }
    returned
}

/// # Safety
///
/// The arguments must be what the system call requires.
#[cfg(target_arch = "riscv64")]
#[inline]
unsafe fn syscall(number: usize, [fd, level, option, value, len]: [usize; 5]) -> usize {
    let returned;
    // SAFETY: the caller guarantees the arguments. The kernel preserves all registers
    // but a0 and the vector registers.
    unsafe {
        asm!(
            "ecall",
            in("a7") number,
            inlateout("a0") fd => returned,
            in("a1") level,
            in("a2") option,
            in("a3") value,
            in("a4") len,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _,
            out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack),
        );
    }
    returned
}

/// # Safety
///
/// The arguments must be what the call requires.
#[cfg(target_arch = "x86")]
#[inline]
unsafe fn syscall(call: usize, arguments: [usize; 5]) -> usize {
    const SYS_SOCKETCALL: usize = 102;
    let returned;
    // SAFETY: the caller guarantees the arguments, and `arguments` outlives the call.
    // The kernel preserves all registers but eax. LLVM reserves ebx, so that it is
    // exchanged and restored here.
    unsafe {
        asm!(
            "xchg ebx, edi",
            "int 0x80",
            "xchg ebx, edi",
            inlateout("eax") SYS_SOCKETCALL => returned,
            inout("edi") call => _,
            in("ecx") arguments.as_ptr(),
            options(nostack),
        );
    }
    returned
}
