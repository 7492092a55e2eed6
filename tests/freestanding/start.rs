//! A program without a C library, an allocator or start files peels off an association.
//! The exit status is 0, or the number of the step that failed.
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::panic::PanicInfo;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, ipproto::SCTP};
use sctp_peeloff::{PeeloffFlags, assoc_id_of_peer, peeloff_flags};

// The kernel starts the program with an aligned stack that has no return address. The call
// instruction provides the stack that `start` expects.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start: call {start}", "ud2", start = sym start);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start: bl {start}", "udf #0", start = sym start);
#[cfg(target_arch = "riscv64")]
global_asm!(".globl _start", "_start: call {start}", "unimp", start = sym start);

extern "C" fn start() -> ! {
    exit(peel_off().err().unwrap_or(0))
}

/// Returns the number of the step that failed, if any.
fn peel_off() -> Result<(), u8> {
    let server = net::socket(AddressFamily::INET, SocketType::SEQPACKET, Some(SCTP)).or(Err(1))?;
    net::bind(&server, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).or(Err(2))?;
    net::listen(&server, 1).or(Err(3))?;
    let address = net::getsockname(&server).or(Err(4))?;

    let client = net::socket(AddressFamily::INET, SocketType::STREAM, Some(SCTP)).or(Err(5))?;
    net::connect(&client, &address).or(Err(6))?;
    net::send(&client, b"hello", SendFlags::empty()).or(Err(7))?;

    let mut buffer = [0; 16];
    let (length, _, peer) = net::recvfrom(&server, &mut buffer, RecvFlags::empty()).or(Err(8))?;
    expect(matches!(buffer.get(..length), Some(b"hello")), 9)?;
    let peer = SocketAddr::try_from(peer.ok_or(10)?).or(Err(10))?;
    let id = assoc_id_of_peer(&server, peer).or(Err(11))?;

    let peeled = peeloff_flags(&server, id, PeeloffFlags::all()).or(Err(12))?;
    let flags = fcntl_getfl(&peeled).or(Err(13))?;
    expect(flags.contains(OFlags::NONBLOCK), 14)?;
    let flags = fcntl_getfd(&peeled).or(Err(15))?;
    expect(flags.contains(FdFlags::CLOEXEC), 16)?;

    net::send(&peeled, b"to you", SendFlags::empty()).or(Err(17))?;
    let (length, _) = net::recv(&client, &mut buffer, RecvFlags::empty()).or(Err(18))?;
    expect(matches!(buffer.get(..length), Some(b"to you")), 19)
}

fn expect(holds: bool, step: u8) -> Result<(), u8> {
    if holds { Ok(()) } else { Err(step) }
}

fn exit(status: u8) -> ! {
    let status = usize::from(status);
    // SAFETY: exit_group has no pointer argument and does not return.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn));
        #[cfg(target_arch = "aarch64")]
        asm!("svc 0", in("x8") 94, in("x0") status, options(noreturn));
        #[cfg(target_arch = "riscv64")]
        asm!("ecall", in("a7") 94, in("a0") status, options(noreturn));
    }
}

// The compiler generates calls of memcpy and memset, which the C library usually provides.
// The writes are volatile because the compiler would otherwise replace each loop with a call
// of the function that contains it.

/// # Safety
///
/// The requirements are those of `memcpy` in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    for at in 0..length {
        // SAFETY: the caller guarantees that both buffers have `length` bytes.
        unsafe { to.add(at).write_volatile(from.add(at).read()) };
    }
    to
}

/// # Safety
///
/// The requirements are those of `memset` in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    for at in 0..length {
        // SAFETY: the caller guarantees that the buffer has `length` bytes.
        unsafe { to.add(at).write_volatile(byte as u8) };
    }
    to
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(255)
}
