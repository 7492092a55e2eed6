//! `demo`, which holds each of its steps against what it should be.

use crate::program::{run, text};
use crate::support::kernel;

fn works(args: &[&str], address: &str) {
    let output = run(args);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.contains(&format!("\nserver    {address}:")), "{said}");
    let new = kernel::has_flags_option();
    let flags = if new {
        "option    SCTP_SOCKOPT_PEELOFF_FLAGS: the flags are made with the descriptor\n"
    } else {
        "option    SCTP_SOCKOPT_PEELOFF: the flags are set after the peel-off, by fcntl\n"
    };
    assert!(said.contains(flags), "{said}");
    for line in [
        "flags     O_NONBLOCK on, FD_CLOEXEC on\n",
        "peeled    50 messages that had been waiting, then 10 each way\n",
        "server    the two others go on over the one-to-many socket\n",
    ] {
        assert!(said.contains(line), "no {line} in:\n{said}");
    }
}

#[test]
fn over_ipv4() {
    works(&["demo"], "127.0.0.1");
}

#[test]
fn over_ipv6() {
    works(&["demo", "--ipv6"], "[::1]");
}

#[test]
fn without_a_word() {
    works(&[], "127.0.0.1");
    works(&["--ipv6"], "[::1]");
}
