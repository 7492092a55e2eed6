//! `check`, on this kernel and on ones that lack something.

use std::process::{Command, Output};
use std::thread;

use rustix::system::uname;
use serde_json::{Value, json};

use crate::program::{TOOL, run, text};
use crate::support::filter::{Call, deny, flags_option};
use crate::support::{kernel, process};

/// With system calls denied to the tool alone.
fn with(
    calls: impl IntoIterator<Item = Call> + Send + 'static,
    errno: i32,
    args: &[&str],
) -> Output {
    let mut command = Command::new(TOOL);
    command.args(args);
    run_with(calls, errno, command)
}

fn run_with(
    calls: impl IntoIterator<Item = Call> + Send + 'static,
    errno: i32,
    mut command: Command,
) -> Output {
    let thread = thread::spawn(move || {
        deny(calls, errno);
        command.output().expect("the tool")
    });
    thread.join().expect("no panic")
}

fn parsed(output: &Output) -> Value {
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

const SCTP: i32 = 132;

#[test]
fn for_people() {
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let system = uname();
    let kernel = format!(
        "Linux {} on {}",
        system.release().to_str().unwrap(),
        system.machine().to_str().unwrap()
    );
    assert_eq!(line(&output, "kernel"), kernel);
    assert_eq!(line(&output, "sctp"), "there");
    assert!(line(&output, "IPv4").starts_with("works: "), "{output:?}");
    assert!(line(&output, "IPv6").starts_with("works: "), "{output:?}");
    assert_eq!(line(&output, "result"), "peeling off works here");
    assert!(!text(&output.stdout).contains("advice"), "{output:?}");
}

#[test]
fn for_scripts() {
    let output = run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = parsed(&output);
    let system = uname();
    assert_eq!(found["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(found["works"], json!(true));
    assert_eq!(
        found["kernel"],
        json!({
            "name": "Linux",
            "release": system.release().to_str().unwrap(),
            "machine": system.machine().to_str().unwrap(),
        })
    );
    assert_eq!(found["sctp"], json!(true));
    assert_eq!(found["ipv4"]["state"], "works");
    assert_eq!(found["ipv6"]["state"], "works");
    assert_eq!(found["advice"], Value::Null);
}

#[test]
fn the_flags_option_and_without_it() {
    let (new, old) = ("SCTP_SOCKOPT_PEELOFF_FLAGS", "SCTP_SOCKOPT_PEELOFF");
    let at_once = kernel::has_flags_option();
    let found = parsed(&run(&["check", "--json"]));
    assert_eq!(found["option"], if at_once { new } else { old });

    let output = with([flags_option()], libc::ENOPROTOOPT, &["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = parsed(&output);
    assert_eq!(found["option"], old);
    assert_eq!(found["flags"], "set after the peel-off, by fcntl");
    assert_eq!(found["ipv4"]["state"], "works");
    assert_eq!(found["ipv6"]["state"], "works");
}

#[test]
fn a_kernel_without_ipv6() {
    let calls = [Call::socket_of(libc::AF_INET6)];
    let output = with(calls, libc::EAFNOSUPPORT, &["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = parsed(&output);
    assert_eq!(found["works"], json!(true));
    assert_eq!(found["ipv4"]["state"], "works");
    assert_eq!(found["ipv6"]["state"], "missing");
}

/// `/proc` is empty, so that nothing tells of the SCTP that is denied.
#[test]
fn a_machine_without_sctp() {
    process::in_guest(|| {
        for (args, errno) in [
            ("check", libc::EPROTONOSUPPORT),
            ("check", libc::ESOCKTNOSUPPORT),
            ("check --json", libc::EPROTONOSUPPORT),
        ] {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c"]);
            command.arg(format!("mount -t tmpfs none /proc && exec {TOOL} {args}"));
            let output = run_with([Call::socket(SCTP)], errno, command);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let advice = if args == "check" {
                assert_eq!(line(&output, "sctp"), "missing");
                assert_eq!(line(&output, "result"), "peeling off does not work here");
                line(&output, "advice").to_owned()
            } else {
                let found = parsed(&output);
                assert_eq!(found["works"], json!(false));
                assert_eq!(found["sctp"], json!(false));
                assert_eq!(found["option"], Value::Null);
                assert_eq!(found["ipv4"]["state"], "missing");
                found["advice"].as_str().expect("advice").to_owned()
            };
            for part in ["modprobe sctp", "CONFIG_IP_SCTP"] {
                assert!(advice.contains(part), "no {part} in: {advice}");
            }
        }
    });
}

/// What is there and denied is not to be installed.
#[test]
fn a_filter_in_front_of_sctp() {
    let output = with([Call::socket(SCTP)], libc::EPERM, &["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(line(&output, "advice").contains("seccomp"), "{output:?}");
    assert!(line(&output, "IPv4").starts_with("fails: "), "{output:?}");
}

/// The library's own words.
#[test]
fn a_filter_in_front_of_the_peeloff() {
    let calls = [flags_option(), Call::getsockopt(102)];
    let output = with(calls, libc::EPERM, &["check", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found = parsed(&output);
    assert_eq!(found["works"], json!(false));
    assert_eq!(found["sctp"], json!(true));
    for family in ["ipv4", "ipv6"] {
        assert_eq!(found[family]["state"], "fails");
        let detail = found[family]["detail"].as_str().expect("text");
        assert!(detail.contains("the association is untouched"), "{detail}");
    }
}
