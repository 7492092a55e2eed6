//! `check` on the running kernel, and with denied system calls.

use std::process::Command;

use rustix::system::uname;
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_STATUS};
use serde_json::{Value, json};

use crate::external_program;
use crate::program::{TOOL, expect_parts, run, run_command};
use crate::support::filter::{Call, denied, flags_option};
use crate::support::{kernel, process};

const SCTP: i32 = 132;

/// Runs `check --json` with denied system calls.
fn check_denied(calls: impl IntoIterator<Item = Call> + Send, errno: i32, status: i32) -> Value {
    let (output, _) = denied(calls, errno, || run("check --json", status));
    parse(&output)
}

fn parse(output: &str) -> Value {
    assert_eq!(
        output.find('\n'),
        Some(output.len() - 1),
        "not one line: {output}"
    );
    serde_json::from_str(output).expect("JSON")
}

fn line<'a>(output: &'a str, label: &str) -> &'a str {
    let line = output.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no '{label}' in:\n{output}"))
        .trim()
}

/// Checks the report of failures with this detail, for both families.
fn expect_failure(report: &Value, detail: &str, advice: &[&str]) {
    assert_eq!(report["works"], false);
    assert_eq!(report["sctp"], true);
    assert_eq!(report["option"], Value::Null);
    for family in ["ipv4", "ipv6"] {
        assert_eq!(report[family]["state"], "fails");
        let found = report[family]["detail"].as_str().expect("text");
        assert!(found.starts_with(detail), "{found}");
    }
    expect_parts(report["advice"].as_str().expect("advice"), advice);
}

#[test]
fn check_prints_one_line_for_each_finding() {
    let (output, _) = run("check", 0);
    let system = uname();
    let kernel = format!(
        "Linux {} on {}",
        system.release().to_str().unwrap(),
        system.machine().to_str().unwrap()
    );
    assert_eq!(line(&output, "kernel"), kernel);
    assert_eq!(line(&output, "sctp"), "available");
    assert!(line(&output, "IPv4").starts_with("works: "), "{output}");
    assert!(line(&output, "IPv6").starts_with("works: "), "{output}");
    assert_eq!(line(&output, "result"), "peel-offs work on this machine");
    assert!(!output.contains("advice"), "{output}");
}

#[test]
fn check_json_prints_every_key() {
    let mut report = parse(&run("check --json", 0).0);
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
    let report = check_denied([flags_option()], libc::ENOPROTOOPT, 0);
    assert_eq!(report["option"], "SCTP_SOCKOPT_PEELOFF");
    assert_eq!(report["atomic_flags"], false);
    assert_eq!(report["ipv4"]["state"], "works");
    assert_eq!(report["ipv6"]["state"], "works");
}

#[test]
fn check_works_without_ipv6() {
    let ipv6 = Call::socket_of(libc::AF_INET6);
    let report = check_denied([ipv6], libc::EAFNOSUPPORT, 0);
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
                let (output, _) =
                    denied([Call::socket(SCTP)], errno, || run_command(&mut command, 1));
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
                expect_parts(&advice, &["modprobe sctp", "CONFIG_IP_SCTP"]);
            }
        }
    });
}

#[test]
fn check_advice_names_seccomp_if_socket_is_denied() {
    let (output, _) = denied([Call::socket(SCTP)], libc::EPERM, || run("check", 1));
    assert!(line(&output, "advice").contains("seccomp"), "{output}");
    assert!(line(&output, "IPv4").starts_with("fails: "), "{output}");
}

#[test]
fn check_advice_names_seccomp_if_the_peeloff_is_denied() {
    let refused = [flags_option(), Call::getsockopt(SCTP_SOCKOPT_PEELOFF)];
    let advice = ["security module", "seccomp filter", "cgroup BPF"];
    let report = check_denied(refused.clone(), libc::EPERM, 1);
    expect_failure(&report, "system call failed: ", &advice);
    let with_query = refused.into_iter().chain([Call::getsockopt(SCTP_STATUS)]);
    let report = check_denied(with_query, libc::EPERM, 1);
    expect_failure(&report, "state of the association is unknown: ", &advice);
}

/// qemu-user does not forward SCTP options to the kernel.
#[test]
fn check_advice_names_the_emulator_under_qemu_user() {
    let program = format!("qemu-{}", std::env::consts::ARCH);
    let libraries = "libcapstone4 libffi8 libglib2.0-0 libgmp10 libgnutls30 libhogweed6 libidn2-0 \
        libnettle8 libnuma1 libp11-kit0 libpcre2-8-0 libtasn1-6 libunistring2 liburing2";
    let mut command = external_program::command(&program, "qemu-user", libraries);
    // Only the emulator uses the fetched libraries. The tool uses those of the system.
    command.args(["-U", "LD_LIBRARY_PATH"]);
    let (output, _) = run_command(command.args([TOOL, "check", "--json"]), 1);
    expect_failure(
        &parse(&output),
        "SCTP options are not available: ",
        &["qemu-user"],
    );
}
