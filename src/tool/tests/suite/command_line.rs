//! The command line: help, version, incorrect usage, and addresses.

use crate::program::{Server, expect_parts, run};
use crate::support::filter::{Call, denied};

#[test]
fn help_lists_commands_and_options() {
    for (args, parts) in [
        (
            "--help",
            &["demo ", "check ", "serve ", "Exit status: 0 "][..],
        ),
        ("-h", &["demo ", "check ", "serve "]),
        ("demo --help", &["[demo]", "--ipv6"]),
        ("check --help", &["check [--json]", "--json "]),
        ("serve -h", &["serve ADDRESS[:PORT]", "9899"]),
        ("serve -h", &["--after N", "--after-bytes N"]),
    ] {
        let (printed, _) = run(args, 0);
        expect_parts(&printed, parts);
        assert!(
            printed.lines().all(|line| line.len() <= 80),
            "{args:?}: more than 80 columns"
        );
    }
}

#[test]
fn version_prints_the_version_of_the_package() {
    for args in ["--version", "-V", "check -V", "serve --version"] {
        let expected = concat!("sctp-peeloff ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(run(args, 0).0, expected);
    }
}

#[test]
fn incorrect_usage_exits_with_2_and_names_the_argument() {
    for (args, part) in [
        ("bogus", "bogus"),
        ("--bogus", "--bogus"),
        ("demo check", "check"),
        ("demo --json", "--json"),
        ("check --ipv6", "--ipv6"),
        ("check --json=yes", "--json"),
        ("check more", "more"),
        ("serve", "ADDRESS"),
        ("serve localhost", "localhost"),
        ("serve 127.0.0.1:65536", "65536"),
        ("serve [127.0.0.1]", "127.0.0.1"),
        ("serve 127.0.0.1 ::1", "::1"),
        ("serve 127.0.0.1 --after", "--after"),
        ("serve 127.0.0.1 --after 0", "1 or more"),
        ("serve 127.0.0.1 --after -1", "not a number"),
        ("serve 127.0.0.1 --after-bytes ten", "not a number"),
        ("serve 127.0.0.1 --before 3", "--before"),
    ] {
        let (out, printed) = run(args, 2);
        assert_eq!(out, "", "{args:?}");
        expect_parts(&printed, &[part]);
        assert_eq!(printed.lines().count(), 1, "{printed}");
    }
}

#[test]
fn serve_uses_port_9899_by_default() {
    for (given, printed) in [
        ("127.0.0.2", "127.0.0.2:9899"),
        ("127.0.0.1:7001", "127.0.0.1:7001"),
        ("::1", "[::1]:9899"),
        ("[::1]:7002", "[::1]:7002"),
    ] {
        let mut server = Server::start(given, "");
        assert_eq!(server.address.to_string(), printed);
        assert_eq!(server.count("up"), 0);
    }
}

#[test]
fn serve_reports_an_address_that_is_in_use_or_not_local() {
    let first = Server::start("127.0.0.1:0", "");
    for address in [&first.address.to_string(), "203.0.113.1"] {
        let (_, printed) = run(&format!("serve {address}"), 1);
        expect_parts(&printed, &[&format!("bind to {address}")]);
    }
}

#[test]
fn demo_and_serve_print_advice_if_socket_fails() {
    for args in ["demo", "serve 127.0.0.1"] {
        for (errno, part) in [
            (libc::EPERM, "permit socket"),
            (libc::EMFILE, "RLIMIT_NOFILE"),
            (libc::ENFILE, "fs.file-max"),
        ] {
            let (_, printed) = denied([Call::socket(132)], errno, || run(args, 1));
            let (error, advice) = printed.split_once('\n').expect("two lines");
            assert!(error.starts_with("sctp-peeloff: no SCTP socket: "));
            assert!(advice.starts_with("advice: "), "{advice}");
            expect_parts(advice, &[part]);
        }
    }
}
