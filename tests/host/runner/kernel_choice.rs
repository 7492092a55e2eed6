//! The kernel that the runner selects, and its messages if no kernel is available.

use std::fs;

use super::{Folder, RUNNER, assert_ended, guest};
use crate::text;

#[test]
fn run_refuses_unknown_kernel() {
    let mut command = guest();
    command.env("GUEST_KERNEL", "0.1").arg("true");
    let words = ["'0.1'", "5.10", "6.1 ", "6.12", "7.2", "qemu"];
    assert_ended(&command.output().unwrap(), 69, &words);
}

#[test]
fn run_boots_the_requested_kernel() {
    let mut command = guest();
    let command = command.env("GUEST_KERNEL", "5.10").args(["uname", "-r"]);
    let output = command.output().unwrap();
    let release = text(&output.stdout);
    assert!(release.starts_with("5.10."), "{release:?}");
}

/// The ELF header of the program names an architecture for which no guest exists.
#[test]
fn run_refuses_program_of_unknown_architecture() {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header[18..20].copy_from_slice(&[0x02, 0x01]);
    let folder = Folder::new("architecture");
    let program = folder.program("program", &header);
    let output = guest().arg(&program).output().unwrap();
    assert_ended(&output, 69, &["ELF 02010201"]);
}

/// The runner under test runs in a guest. That guest's kernel has SCTP, and no other kernel
/// can be downloaded there.
#[test]
fn run_uses_the_host_for_tests_only_as_root() {
    let folder = Folder::new("no root");
    folder.program("id", b"#!/bin/sh\necho 1000\n");
    folder.program("apt-get", b"#!/bin/sh\nexit 100\n");
    fs::create_dir(folder.0.join("deps")).unwrap();
    for program in ["tool", "deps/test"] {
        folder.program(program, b"#!/bin/sh\nexit 7\n");
    }
    let script = "export XDG_CACHE_HOME=$PWD/cache PATH=$PWD:$PATH GUEST_KERNEL; \
        for GUEST_KERNEL in '' host; do for program in tool deps/test; do \
        \"$0\" ./$program; echo $?; done; done";
    let mut command = guest();
    command.args(["sh", "-c", script, RUNNER]);
    let output = command.current_dir(&folder.0).output().unwrap();
    assert_ended(&output, 0, &["run as root"]);
    assert_eq!(text(&output.stdout), "7\n69\n7\n7\n");
}

/// The cache is empty, and `apt-get` fails.
#[test]
fn run_names_remedies_if_packages_cannot_be_downloaded() {
    let folder = Folder::new("no apt");
    let script = b"#!/bin/sh\necho 'no network' >&2\nexit 100\n";
    folder.program("apt-get", script);
    let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
    let mut command = guest();
    command.env("PATH", path).arg("true");
    command.env("XDG_CACHE_HOME", folder.0.join("cache"));
    let words = ["modprobe sctp", "linux-modules-extra", "user-mode-linux"];
    assert_ended(&command.output().unwrap(), 69, &words);
}

/// The guest's memory is a file. A guest that fills the file system would crash.
#[test]
fn run_refuses_a_guest_whose_memory_exceeds_the_available_space() {
    let mut command = guest();
    command.env("GUEST_MEMORY", "4096G").arg("true");
    let words = ["4096G (GUEST_MEMORY) of space"];
    assert_ended(&command.output().unwrap(), 69, &words);
}
