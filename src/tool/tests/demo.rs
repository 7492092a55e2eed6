//! `demo`, which holds each of its steps against what it should be.
#![allow(missing_docs)]

mod program;
#[path = "../../../tests/support/mod.rs"]
mod support;

use program::{run, text};
use support::filter;

#[test]
fn on_an_old_kernel() {
    filter::rerun_on_old_kernel("on_an_old_kernel");
}

fn works(args: &[&str], address: &str) {
    let output = run(args);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.contains(&format!("\nserver    {address}:")), "{said}");
    let new = !filter::on_old_kernel() && support::kernel::version() >= (4, 13);
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
