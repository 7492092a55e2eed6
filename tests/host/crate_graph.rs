//! The crate's dependencies for each architecture, as `cargo tree` prints them.

use crate::{cargo, text};

/// The targets on which the crate makes its system calls itself.
const RAW: [&str; 5] = [
    "i686-unknown-linux-gnu",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "riscv64gc-unknown-linux-gnu",
];
/// The targets on which the system calls go through libc.
const THROUGH_LIBC: [&str; 3] = [
    "s390x-unknown-linux-gnu",
    "powerpc64le-unknown-linux-gnu",
    "x86_64-unknown-freebsd",
];

/// The packages that are linked into a program. Those of procedural macros are not.
fn packages(target: &str, features: &[&str]) -> Vec<String> {
    listed(target, "normal,no-proc-macro", features)
}

/// The packages that `cargo tree` lists for these edges.
fn listed(target: &str, edges: &str, features: &[&str]) -> Vec<String> {
    let mut arguments = vec!["tree", "--package", "sctp-peeloff", "--offline", "--locked"];
    arguments.extend(["--edges", edges, "--prefix", "none", "--format", "{p}"]);
    arguments.extend(["--target", target]);
    arguments.extend(features);
    let output = cargo(&arguments);
    let lines = text(&output.stdout).lines();
    let names = lines.filter_map(|line| line.split(' ').next());
    let mut packages: Vec<_> = names.map(str::to_owned).collect();
    packages.sort_unstable();
    packages.dedup();
    assert!(packages.iter().any(|name| name == "sctp-peeloff"));
    packages
}

fn c_bindings(packages: &[String]) -> Vec<&str> {
    packages
        .iter()
        .map(String::as_str)
        .filter(|name| *name == "libc" || name.ends_with("-sys") && *name != "linux-raw-sys")
        .collect()
}

#[test]
fn crate_with_default_features_does_not_depend_on_libc() {
    for target in RAW {
        assert_eq!(c_bindings(&packages(target, &[])), [""; 0], "{target}");
    }
}

#[test]
fn crate_with_default_features_is_built_from_at_most_ten_packages() {
    for target in RAW {
        let packages = listed(target, "normal", &[]);
        assert!(packages.len() <= 10, "{target}: {packages:?}");
    }
}

/// Each of the listed packages is `no_std` and allocates nothing.
#[test]
fn crate_without_default_features_depends_only_on_no_std_packages() {
    for target in RAW {
        let packages = packages(target, &["--no-default-features"]).join(" ");
        let expected = "bitflags linux-raw-sys rustix sctp-peeloff thiserror";
        assert_eq!(packages, expected, "{target}");
    }
}

#[test]
fn crate_depends_on_libc_with_use_libc_and_on_other_architectures() {
    for target in RAW {
        let packages = packages(target, &["--features", "use-libc"]);
        assert_eq!(c_bindings(&packages), ["libc"], "{target}");
    }
    for target in THROUGH_LIBC {
        assert_eq!(c_bindings(&packages(target, &[])), ["libc"], "{target}");
    }
}
