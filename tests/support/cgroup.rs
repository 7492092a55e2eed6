//! cgroups: a memory limit, and BPF programs that run for each getsockopt call.
//!
//! These functions require root privileges, which a guest provides.
#![allow(unsafe_code, reason = "bpf(2) has no safe wrapper here")]

use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use super::process::is_guest;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS};

/// A new cgroup in a cgroup2 hierarchy that is mounted for it. Dropping this value removes
/// the cgroup and unmounts the hierarchy. The cgroup must then be empty.
pub struct Group {
    root: PathBuf,
    folder: PathBuf,
}

impl Group {
    pub fn new(name: &str) -> Self {
        assert!(is_guest(), "this would change the host's cgroups");
        let root = PathBuf::from("/sys/fs/cgroup");
        mount("cgroup2", &root, "cgroup2", MountFlags::empty(), None).expect("cgroup2");
        let folder = root.join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&folder).expect("a cgroup");
        Self { root, folder }
    }

    pub fn enable(&self, controller: &str) {
        let file = self.root.join("cgroup.subtree_control");
        fs::write(file, format!("+{controller}")).expect(controller);
    }

    pub fn open(&self, file: &str) -> fs::File {
        fs::File::options()
            .write(true)
            .open(self.folder.join(file))
            .expect(file)
    }

    /// Runs the body while this process is in the cgroup. The sockets that the body creates
    /// stay in the cgroup after the process has left it.
    pub fn within<T>(&self, body: impl FnOnce() -> T) -> T {
        fs::write(self.folder.join("cgroup.procs"), "0").expect("the group");
        let value = body();
        fs::write(self.root.join("cgroup.procs"), "0").expect("the root group");
        value
    }

    /// Attaches a BPF program, which the kernel then runs for each getsockopt call on a socket
    /// of the cgroup.
    pub fn attach_to_getsockopt(&self, program: &[Instruction]) {
        self.change(BPF_PROG_ATTACH, load(program).as_raw_fd());
    }

    pub fn detach_from_getsockopt(&self) {
        self.change(BPF_PROG_DETACH, 0);
    }

    fn change(&self, command: i32, program: i32) {
        let group = fs::File::open(&self.folder).expect("the group");
        // The fields target_fd, attach_bpf_fd, attach_type and attach_flags.
        let attributes = [group.as_raw_fd(), program, BPF_CGROUP_GETSOCKOPT, 0];
        bpf(command, &attributes);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
        let _ = unmount(&self.root, UnmountFlags::DETACH);
    }
}

/// `struct bpf_insn`: the code, the two registers, the offset and the immediate value.
#[repr(C)]
pub struct Instruction(u8, u8, i16, i32);

const fn instruction(code: u8, registers: u8, offset: i16, immediate: i32) -> Instruction {
    // The two registers are bit fields, whose order depends on the byte order.
    let swap = if cfg!(target_endian = "big") { 4 } else { 0 };
    Instruction(code, registers.rotate_left(swap), offset, immediate)
}

/// Results of peel-offs. In both cases the results of queries do not change.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Only {
    /// The results of the two peel-off options.
    Peeloff,
    /// The results above 0, which are those of successful peel-offs.
    Success,
}

/// The parts of a getsockopt result that a BPF program overwrites.
#[derive(Clone, Copy, Default, Debug)]
pub struct Overwrite {
    /// The results that the program changes. With `None` it changes all results.
    pub only: Option<Only>,
    /// The call fails with `EPERM`.
    pub refuse: bool,
    /// The return value becomes 0.
    pub zero: bool,
    /// The new value of `sd`, the second word of the argument.
    pub sd: Option<i32>,
}

impl Overwrite {
    pub fn program(self) -> Vec<Instruction> {
        let mut program = Vec::new();
        if self.only == Some(Only::Peeloff) {
            // r2 = context->optname; skip the exit if r2 is one of the two options
            program.push(instruction(0x61, 0x12, 28, 0));
            program.push(instruction(0x15, 2, 3, SCTP_SOCKOPT_PEELOFF));
            program.push(instruction(0x15, 2, 2, SCTP_SOCKOPT_PEELOFF_FLAGS));
            program.extend(exit_with(1));
        }
        if self.only == Some(Only::Success) {
            // r2 = context->retval; skip the exit if the 32-bit r2 is above 0
            program.push(instruction(0x61, 0x12, 36, 0));
            program.push(instruction(0x66, 2, 2, 0));
            program.extend(exit_with(1));
        }
        if self.zero {
            // r2 = 0; context->retval = r2
            program.push(instruction(0xb7, 2, 0, 0));
            program.push(instruction(0x63, 0x21, 36, 0));
        }
        if let Some(sd) = self.sd {
            // r2 = context->optval; r3 = context->optval_end; r4 = r2 + 8
            program.push(instruction(0x79, 0x12, 8, 0));
            program.push(instruction(0x79, 0x13, 16, 0));
            program.push(instruction(0xbf, 0x24, 0, 0));
            program.push(instruction(0x07, 4, 0, 8));
            // if r4 > r3, skip the stores; one store for each byte, because `sd` may be
            // unaligned
            program.push(instruction(0x2d, 0x34, 4, 0));
            for (offset, byte) in (4..).zip(sd.to_ne_bytes()) {
                program.push(instruction(0x72, 2, offset, byte.into()));
            }
        }
        program.extend(exit_with((!self.refuse).into()));
        program
    }
}

/// `r0 = value; exit`. With 0, getsockopt fails with `EPERM`; with 1, it succeeds.
const fn exit_with(value: i32) -> [Instruction; 2] {
    [instruction(0xb7, 0, 0, value), instruction(0x95, 0, 0, 0)]
}

const BPF_PROG_LOAD: i32 = 5;
const BPF_PROG_ATTACH: i32 = 8;
const BPF_PROG_DETACH: i32 = 9;
const BPF_PROG_TYPE_CGROUP_SOCKOPT: u32 = 25;
const BPF_CGROUP_GETSOCKOPT: i32 = 21;

/// The leading fields of `union bpf_attr` for `BPF_PROG_LOAD`. For the kernel, the remaining
/// fields are 0.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    unused: [u32; 11],
    expected_attach_type: i32,
}

fn load(program: &[Instruction]) -> OwnedFd {
    let load = Load {
        kind: BPF_PROG_TYPE_CGROUP_SOCKOPT,
        count: u32::try_from(program.len()).expect("a short program"),
        instructions: program.as_ptr() as u64,
        license: c"".as_ptr() as u64,
        unused: [0; 11],
        expected_attach_type: BPF_CGROUP_GETSOCKOPT,
    };
    let fd = bpf(BPF_PROG_LOAD, &load);
    // SAFETY: bpf(2) has just created this file descriptor, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn bpf<T>(command: i32, attributes: &T) -> i32 {
    // SAFETY: `attributes` points to a live struct of this size. The callers guarantee that
    // the pointers in the struct are valid during the call.
    let returned = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    let error = std::io::Error::last_os_error();
    assert!(returned >= 0, "bpf({command}): {error}");
    i32::try_from(returned).expect("an int")
}
