//! The crate requires only a kernel: a program without a C library, an allocator or start
//! files peels off an association.
//!
//! The test builds the program on the host. The runner selects the kernel that the program
//! runs on.
//!
//! On the architectures below, rustix makes system calls without libc, and
//! `freestanding/start.rs` has an entry point.
#![cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::elf;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{LittleEndian, Object, ObjectSymbol};

use crate::runner::RUNNER;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/freestanding");
const PAGE: u64 = 4096;

/// Builds the program without network access. Its dependencies are packages of the
/// workspace's `Cargo.lock`. They are already downloaded, because this test requires them
/// too.
fn build() -> PathBuf {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    fs::copy(lock, Path::new(FOLDER).join("Cargo.lock")).expect("the lock file");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("freestanding");
    let status = Command::new(std::env::var_os("CARGO").expect("cargo runs this"))
        .args(["build", "--release", "--offline", "--target-dir"])
        .arg(&target)
        .current_dir(FOLDER)
        // These settings are for programs that use the C library.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .expect("cargo");
    assert!(status.success(), "{status}");
    target.join("release/freestanding")
}

/// The first page, the end page (exclusive) and the access rights of each loaded segment.
fn segments(file: &ElfFile64<'_, LittleEndian>) -> Vec<(u64, u64, elf::ProgramFlags)> {
    let endian = file.endian();
    file.elf_program_headers()
        .iter()
        .filter(|header| header.p_type(endian) == elf::PT_LOAD)
        .map(|header| {
            let start = header.p_vaddr(endian);
            let end = start + header.p_memsz(endian);
            (start / PAGE, end.div_ceil(PAGE), header.p_flags(endian))
        })
        .collect()
}

#[test]
fn program_without_c_library_peels_off() {
    let program = build();
    let bytes = fs::read(&program).expect("the program");
    println!("{} bytes", bytes.len());
    assert!(bytes.len() < 6 * 1024, "{} bytes", bytes.len());

    let file = ElfFile64::<LittleEndian>::parse(&*bytes).expect("an ELF file");
    assert_eq!(file.elf_header().e_type(file.endian()), elf::ET_EXEC);
    for header in file.elf_program_headers() {
        let kind = header.p_type(file.endian());
        assert_ne!(kind, elf::PT_INTERP, "the program has an interpreter");
        assert_ne!(kind, elf::PT_DYNAMIC, "the program has a dynamic section");
    }
    let mut symbols = file.symbols().chain(file.dynamic_symbols());
    let undefined = symbols.find(ObjectSymbol::is_undefined);
    assert!(undefined.is_none(), "{undefined:?}");

    // If two segments shared a page, one of them would lose its access rights to that page
    // on a kernel that enforces access rights. Not every guest kernel enforces them.
    let segments = segments(&file);
    assert!(!segments.is_empty());
    for pair in segments.windows(2) {
        assert!(pair[1].0 >= pair[0].1, "two segments share a page");
    }
    for (.., rights) in segments {
        assert_ne!(rights & (elf::PF_W | elf::PF_X), elf::PF_W | elf::PF_X);
    }

    let status = Command::new(RUNNER).arg(program).status();
    let status = status.expect("the runner");
    assert_eq!(status.code(), Some(0), "failed step of start.rs: {status}");
}
