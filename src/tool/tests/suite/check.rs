//! `check` on the running kernel, and with denied system calls.

use std::process::{Command, Output};

use rustix::system::uname;
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_STATUS};
use serde_json::{Value, json};

use crate::external_program;
use crate::program::{Denied, TOOL, run, run_denied, text};
use crate::support::filter::{Call, flags_option};
use crate::support::{kernel, process};

const SCTP: i32 = 132;

fn check(args: &[&str]) -> Command {
    let mut command = Command::new(TOOL);
    command.arg("check").args(args);
    command
}

/// Runs `check --json` with denied system calls and returns its output.
fn check_denied(denied: Denied, status: i32) -> Value {
    let output = run_denied([denied], &mut check(&["--json"]));
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    parse(&output)
}

fn parse(output: &Output) -> Value {
    let text = text(&output.stdout);
    assert_eq!(
        text.find('\n'),
        Some(text.len() - 1),
        "not one line: {text}"
    );
    serde_json::from_str(text).expect("JSON")
}

fn line<'a>(output: &'a Output, label: &str) -> &'a str {
    let text = text(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .unwrap_or_else(|| panic!("no '{label}' in:\n{text}"))
        .trim()
}

#[test]
fn check_prints_one_line_for_each_finding() {
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let system = uname();
    let kernel = format!(
        "Linux {} on {}",
        system.release().to_str().unwrap(),
        system.machine().to_str().unwrap()
    );
    assert_eq!(line(&output, "kernel"), kernel);
    assert_eq!(line(&output, "sctp"), "available");
    assert!(line(&output, "IPv4").starts_with("works: "), "{output:?}");
    assert!(line(&output, "IPv6").starts_with("works: "), "{output:?}");
    assert_eq!(line(&output, "result"), "peel-offs work on this machine");
    assert!(!text(&output.stdout).contains("advice"), "{output:?}");
}

#[test]
fn check_json_prints_every_key() {
    let output = run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut report = parse(&output);
    for family in ["ipv4", "ipv6"] {
        let detail = report[family]["detail"].take();
        assert!(detail.as_str().unwrap().starts_with("peeled off"));
    }
    let system = uname();
    let atomic = kernel::has_flags_option();
    let option = if atomic {
        "SCTP_SOCKOPT_PEELOFF_FLAGS"
    } else {
        "SCTP_SOCKOPT_PEELOFF"
    };
    assert_eq!(
        report,
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "works": true,
            "kernel": {
                "name": "Linux",
                "release": system.release().to_str().unwrap(),
                "machine": system.machine().to_str().unwrap(),
            },
            "sctp": true,
            "option": option,
            "atomic_flags": atomic,
            "ipv4": { "state": "works", "detail": null },
            "ipv6": { "state": "works", "detail": null },
            "advice": null,
        })
    );
}

#[test]
fn check_works_without_the_flags_option() {
    let report = check_denied((vec![flags_option()], libc::ENOPROTOOPT), 0);
    assert_eq!(report["option"], "SCTP_SOCKOPT_PEELOFF");
    assert_eq!(report["atomic_flags"], false);
    assert_eq!(report["ipv4"]["state"], "works");
    assert_eq!(report["ipv6"]["state"], "works");
}

#[test]
fn check_works_without_ipv6() {
    let calls = vec![Call::socket_of(libc::AF_INET6)];
    let report = check_denied((calls, libc::EAFNOSUPPORT), 0);
    assert_eq!(report["works"], true);
    assert_eq!(report["ipv4"]["state"], "works");
    assert_eq!(report["ipv6"]["state"], "missing");
    assert_eq!(report["advice"], Value::Null);
}

/// The test hides `/proc/net/sctp`, because `check` would detect SCTP from this folder.
#[test]
fn check_advises_modprobe_without_sctp() {
    process::in_guest(|| {
        for errno in [libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT] {
            for args in ["check", "check --json"] {
                let mut command = Command::new("unshare");
                command.args(["--mount", "sh", "-c"]);
                command.arg(format!("mount -t tmpfs none /proc && exec {TOOL} {args}"));
                let output = run_denied([(vec![Call::socket(SCTP)], errno)], &mut command);
                assert_eq!(output.status.code(), Some(1), "{output:?}");
                let advice = if args == "check" {
                    assert_eq!(line(&output, "sctp"), "missing");
                    assert_eq!(line(&output, "option"), "not available");
                    let result = "peel-offs do not work on this machine";
                    assert_eq!(line(&output, "result"), result);
                    line(&output, "advice").to_owned()
                } else {
                    let report = parse(&output);
                    assert_eq!(report["works"], false);
                    assert_eq!(report["sctp"], false);
                    assert_eq!(report["option"], Value::Null);
                    assert_eq!(report["atomic_flags"], Value::Null);
                    assert_eq!(report["ipv4"]["state"], "missing");
                    report["advice"].as_str().expect("advice").to_owned()
                };
                for part in ["modprobe sctp", "CONFIG_IP_SCTP"] {
                    assert!(advice.contains(part), "no {part} in: {advice}");
                }
            }
        }
    });
}

#[test]
fn check_advice_names_seccomp_if_socket_is_denied() {
    let denied = (vec![Call::socket(SCTP)], libc::EPERM);
    let output = run_denied([denied], &mut check(&[]));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(line(&output, "advice").contains("seccomp"), "{output:?}");
    assert!(line(&output, "IPv4").starts_with("fails: "), "{output:?}");
}

#[test]
fn check_advice_names_seccomp_if_the_peeloff_is_denied() {
    let options = || vec![flags_option(), Call::getsockopt(SCTP_SOCKOPT_PEELOFF)];
    for (queries, detail) in [
        (vec![], "system call failed: "),
        (
            vec![Call::getsockopt(SCTP_STATUS)],
            "state of the association is unknown: ",
        ),
    ] {
        let calls = options().into_iter().chain(queries).collect();
        let report = check_denied((calls, libc::EPERM), 1);
        assert_eq!(report["works"], false);
        assert_eq!(report["sctp"], true);
        assert_eq!(report["option"], Value::Null);
        for family in ["ipv4", "ipv6"] {
            assert_eq!(report[family]["state"], "fails");
            let found = report[family]["detail"].as_str().expect("text");
            assert!(found.starts_with(detail), "{found}");
        }
        let advice = report["advice"].as_str().expect("advice");
        for part in ["security module", "seccomp filter", "cgroup BPF"] {
            assert!(advice.contains(part), "no {part} in: {advice}");
        }
    }
}

/// qemu-user does not forward SCTP options to the kernel.
#[test]
fn check_advice_names_the_emulator_under_qemu_user() {
    let program = format!("qemu-{}", std::env::consts::ARCH);
    let libraries = [
        "libcapstone4",
        "libffi8",
        "libglib2.0-0",
        "libgmp10",
        "libgnutls30",
        "libhogweed6",
        "libidn2-0",
        "libnettle8",
        "libnuma1",
        "libp11-kit0",
        "libpcre2-8-0",
        "libtasn1-6",
        "libunistring2",
        "liburing2",
    ];
    let mut command = external_program::command(&program, "qemu-user", &libraries);
    // Only the emulator uses the fetched libraries. The tool uses those of the system.
    command.args(["-U", "LD_LIBRARY_PATH"]);
    let output = command
        .args([TOOL, "check", "--json"])
        .output()
        .expect("qemu-user");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = parse(&output);
    assert_eq!(report["sctp"], true);
    assert_eq!(report["option"], Value::Null);
    for family in ["ipv4", "ipv6"] {
        assert_eq!(report[family]["state"], "fails");
        let detail = report[family]["detail"].as_str().expect("text");
        let expected = "SCTP options are not available: ";
        assert!(detail.starts_with(expected), "{detail}");
    }
    let advice = report["advice"].as_str().expect("advice");
    assert!(advice.contains("qemu-user"), "{advice}");
}
