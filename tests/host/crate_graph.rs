//! The packages that the crate brings with it, from `cargo tree` for each architecture.

use std::process::Command;

/// The crate makes its system calls itself.
const RAW: [&str; 5] = [
    "i686-unknown-linux-gnu",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "riscv64gc-unknown-linux-gnu",
];
/// The system calls go through libc.
const THROUGH_LIBC: [&str; 3] = [
    "s390x-unknown-linux-gnu",
    "powerpc64le-unknown-linux-gnu",
    "x86_64-unknown-freebsd",
];

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
fn default_features_need_no_c_library() {
    for target in RAW {
        assert_eq!(of_c(&packages(target, &[])), [""; 0], "{target}");
    }
}

/// Each of these is `no_std`, and allocates nothing.
#[test]
fn no_default_features_need_core_only() {
    for target in RAW {
        let packages = packages(target, &["--no-default-features"]);
        let core = [
            "bitflags",
            "linux-raw-sys",
            "rustix",
            "sctp-peeloff",
            "thiserror",
        ];
        assert_eq!(packages, core, "{target}");
    }
}

#[test]
fn libc_is_needed_with_use_libc_and_on_other_architectures() {
    for target in RAW {
        let asked = packages(target, &["--features", "use-libc"]);
        assert_eq!(of_c(&asked), ["libc"], "{target}");
    }
    for target in THROUGH_LIBC {
        assert_eq!(of_c(&packages(target, &[])), ["libc"], "{target}");
    }
}
