//! What the crate brings with it: cargo is asked, for each processor.

use std::process::Command;

/// Where no C library is needed.
const RAW: [&str; 5] = [
    "i686-unknown-linux-gnu",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "riscv64gc-unknown-linux-gnu",
];
/// Where libc makes the system calls.
const BY_LIBC: [&str; 2] = ["s390x-unknown-linux-gnu", "powerpc64le-unknown-linux-gnu"];

/// The packages that are linked into a program; a procedural macro's are not.
fn packages(target: &str, features: &[&str]) -> Vec<String> {
    let output = Command::new(std::env::var_os("CARGO").expect("cargo runs this"))
        .args(["tree", "--package", "sctp-peeloff", "--offline", "--locked"])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(["--format", "{p}", "--target", target])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let listed = String::from_utf8(output.stdout).expect("names");
    let mut packages: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    assert!(packages.iter().any(|name| name == "sctp-peeloff"));
    packages
}

fn of_c(packages: &[String]) -> Vec<&str> {
    packages
        .iter()
        .map(String::as_str)
        .filter(|name| *name == "libc" || name.ends_with("-sys") && *name != "linux-raw-sys")
        .collect()
}

#[test]
fn no_c_library_where_none_is_needed() {
    for target in RAW {
        assert_eq!(of_c(&packages(target, &[])), [""; 0], "{target}");
    }
}

/// Each of these is `no_std`, and allocates nothing.
#[test]
fn core_alone_without_the_default_features() {
    for target in RAW {
        let packages = packages(target, &["--no-default-features"]);
        let core = [
            "bitflags",
            "linux-errno",
            "linux-raw-sys",
            "linux-syscall",
            "posix-errno",
            "rustix",
            "sctp-peeloff",
            "thiserror",
        ];
        assert_eq!(packages, core, "{target}");
    }
}

#[test]
fn libc_where_it_is_asked_for_or_needed() {
    for target in RAW {
        let asked = packages(target, &["--features", "use-libc"]);
        assert_eq!(of_c(&asked), ["libc"], "{target}");
    }
    for target in BY_LIBC {
        assert_eq!(of_c(&packages(target, &[])), ["libc"], "{target}");
    }
}
