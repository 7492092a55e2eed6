//! Tests that run the tool as a program.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod check;
mod command_line;
mod demo;
mod external_program;
mod failed_peeloff;
mod forged_notifications;
mod man_page;
mod program;
mod raw_client;
mod serve;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod terminal;
mod third_party_clients;

#[test]
fn all_tests_pass_on_a_simulated_old_kernel() {
    support::process::rerun_on_old_kernel(&[
        "command_line::",
        "forged_notifications::",
        "man_page::",
        "third_party_clients::",
    ]);
}
