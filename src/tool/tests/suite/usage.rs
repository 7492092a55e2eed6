//! Words on the command line: what helps, and what is refused.

use std::process::Command;
use std::thread;

use crate::program::{Server, TOOL, run, text};
use crate::support::filter::{Call, deny};

#[test]
fn help() {
    for (args, parts) in [
        (
            &["--help"][..],
            &["demo ", "check ", "serve ", "Status: 0 "][..],
        ),
        (&["-h"], &["demo ", "check ", "serve "]),
        (&["demo", "--help"], &["[demo]", "--ipv6"]),
        (&["check", "--help"], &["check [--json]", "--json "]),
        (
            &["serve", "-h"],
            &[
                "serve ADDRESS[:PORT]",
                "9899",
                "--after N",
                "--after-bytes N",
            ],
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let said = text(&output.stdout);
        for part in parts {
            assert!(said.contains(part), "{args:?}: no {part} in\n{said}");
        }
        assert!(
            said.lines().all(|line| line.len() <= 80),
            "{args:?}: too wide"
        );
    }
}

#[test]
fn version() {
    for args in [
        &["--version"][..],
        &["-V"],
        &["check", "-V"],
        &["serve", "--version"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let expected = concat!("sctp-peeloff ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(text(&output.stdout), expected);
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (args, part) in [
        (&["bogus"][..], "bogus"),
        (&["--bogus"], "--bogus"),
        (&["demo", "check"], "check"),
        (&["demo", "--json"], "--json"),
        (&["check", "--ipv6"], "--ipv6"),
        (&["check", "--json=yes"], "--json"),
        (&["check", "more"], "more"),
        (&["serve"], "ADDRESS"),
        (&["serve", "localhost"], "localhost"),
        (&["serve", "127.0.0.1:65536"], "65536"),
        (&["serve", "[127.0.0.1]"], "127.0.0.1"),
        (&["serve", "127.0.0.1", "::1"], "::1"),
        (&["serve", "127.0.0.1", "--after"], "--after"),
        (&["serve", "127.0.0.1", "--after", "0"], "1 or more"),
        (&["serve", "127.0.0.1", "--after", "-1"], "not a number"),
        (
            &["serve", "127.0.0.1", "--after-bytes", "ten"],
            "not a number",
        ),
        (&["serve", "127.0.0.1", "--before", "3"], "--before"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        let said = text(&output.stderr);
        assert!(said.contains(part), "{args:?}: no {part} in {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn addresses() {
    for (given, printed) in [
        ("127.0.0.2", "127.0.0.2:9899"),
        ("127.0.0.1:7001", "127.0.0.1:7001"),
        ("::1", "[::1]:9899"),
        ("[::1]:7002", "[::1]:7002"),
    ] {
        let mut server = Server::serve(&[given]);
        assert_eq!(server.address.to_string(), printed);
        assert_eq!(server.count("up"), 0);
    }
}

#[test]
fn an_address_that_cannot_be_had() {
    let first = Server::start("127.0.0.1", &[]);
    let taken = first.address.to_string();
    for address in [&taken, "203.0.113.1"] {
        let output = run(&["serve", address]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(&format!("bind to {address}")), "{said}");
    }
}

#[test]
fn a_kernel_without_sctp() {
    for command in ["demo", "serve"] {
        let thread = thread::spawn(move || {
            deny([Call::socket(132)], libc::EPROTONOSUPPORT);
            let address = (command == "serve").then_some("127.0.0.1");
            Command::new(TOOL)
                .arg(command)
                .args(address)
                .output()
                .expect("the tool")
        });
        let output = thread.join().expect("no panic");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("CONFIG_IP_SCTP"), "{said}");
    }
}
