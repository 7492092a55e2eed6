//! `demo` over both address families.

use crate::program::{run, text};
use crate::support::kernel;

fn expect_every_step(args: &[&str], address: &str) {
    let output = run(args);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let server = format!("\nserver    {address}:");
    assert!(printed.contains(&server), "{printed}");
    let option = if kernel::has_flags_option() {
        "option    SCTP_SOCKOPT_PEELOFF_FLAGS, flags set atomically\n"
    } else {
        "option    SCTP_SOCKOPT_PEELOFF, flags set after the peel-off, with fcntl\n"
    };
    for line in [
        option,
        "flags     O_NONBLOCK on, FD_CLOEXEC on\n",
        "peeled    50 queued messages received, then 10 in each direction\n",
        "server    the sporadic clients still use the one-to-many socket\n",
    ] {
        assert!(printed.contains(line), "no {line} in:\n{printed}");
    }
}

#[test]
fn demo_uses_ipv4_by_default() {
    expect_every_step(&["demo"], "127.0.0.1");
}

#[test]
fn demo_uses_ipv6_with_the_ipv6_option() {
    expect_every_step(&["demo", "--ipv6"], "[::1]");
}

#[test]
fn demo_is_the_default_command() {
    expect_every_step(&[], "127.0.0.1");
    expect_every_step(&["--ipv6"], "[::1]");
}
