//! `demo` over both address families.

use crate::program::{expect_parts, run};
use crate::support::kernel;

fn expect_every_step(args: &str, address: &str) {
    let (printed, _) = run(args, 0);
    let option = if kernel::has_flags_option() {
        "option    SCTP_SOCKOPT_PEELOFF_FLAGS, flags set atomically\n"
    } else {
        "option    SCTP_SOCKOPT_PEELOFF, flags set after the peel-off, with fcntl\n"
    };
    let parts = [
        &format!("\nserver    {address}:"),
        option,
        "flags     O_NONBLOCK on, FD_CLOEXEC on\n",
        "peeled    50 queued messages received, then 10 in each direction\n",
        "server    the sporadic clients still use the one-to-many socket\n",
    ];
    expect_parts(&printed, &parts);
}

#[test]
fn demo_uses_ipv4_by_default() {
    expect_every_step("demo", "127.0.0.1");
}

#[test]
fn demo_uses_ipv6_with_the_ipv6_option() {
    expect_every_step("demo --ipv6", "[::1]");
}

#[test]
fn demo_is_the_default_command() {
    expect_every_step("", "127.0.0.1");
    expect_every_step("--ipv6", "[::1]");
}
