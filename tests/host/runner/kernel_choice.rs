//! Which kernel is taken, and what is said where none can be had.

use std::fs;

use super::{Folder, RUNNER, guest, text};

#[test]
fn run_refuses_unknown_kernel() {
    let output = guest()
        .env("GUEST_KERNEL", "0.1")
        .arg("true")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69));
    let said = text(&output.stderr);
    for word in ["'0.1'", "5.10", "6.1 ", "6.12", "7.2", "qemu"] {
        assert!(said.contains(word), "no '{word}' in: {said}");
    }
}

/// The release of Debian's newest may move on; the others' may not.
#[test]
fn run_boots_the_kernel_that_was_asked_for() {
    for (kernel, release) in [("5.10", "5.10."), ("6.1", "6.1."), ("6.12", "6.12.")] {
        let output = guest()
            .env("GUEST_KERNEL", kernel)
            .args(["uname", "-r"])
            .output()
            .unwrap();
        let said = text(&output.stdout);
        assert!(said.starts_with(release), "{kernel}: '{said}'");
    }
}

/// By its ELF header; a processor that no guest has is refused by name.
#[test]
fn run_refuses_program_of_unknown_architecture() {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header[18..20].copy_from_slice(&[0x02, 0x01]);
    let folder = Folder::new("processor");
    let program = folder.program("program", &header);
    let output = guest().arg(&program).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("ELF 02010201"), "{said}");
}

/// Within a guest, whose kernel has SCTP, and from which no other can be reached.
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
    let output = guest()
        .args(["sh", "-c", script, RUNNER])
        .current_dir(&folder.0)
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(text(&output.stdout), "7\n69\n7\n7\n", "{said}");
    assert!(said.contains("to be root"), "{said}");
}

/// An empty cache, and an apt that reaches nothing.
#[test]
fn run_says_what_to_do_without_a_package() {
    let folder = Folder::new("no apt");
    let script = b"#!/bin/sh\necho 'nothing reached' >&2\nexit 100\n";
    folder.program("apt-get", script);
    let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
    let mut command = guest();
    command
        .env("PATH", path)
        .env("XDG_CACHE_HOME", folder.0.join("cache"))
        .arg("true");
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    for word in ["modprobe sctp", "linux-modules-extra", "user-mode-linux"] {
        assert!(said.contains(word), "no '{word}' in: {said}");
    }
}

/// Its memory is a file, and a guest that fills the file's folder dies of it.
#[test]
fn run_refuses_a_guest_without_room_for_its_memory() {
    let output = guest()
        .env("GUEST_MEMORY", "4096G")
        .arg("true")
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("room for 4096G"), "{said}");
}
