//! The tool, as a program: one module for each of its commands, and for what they
//! share.
#![allow(missing_docs)]

mod check;
mod clients;
mod demo;
mod program;
mod serve;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod terminal;
mod usage;

#[test]
fn on_an_old_kernel() {
    support::process::rerun_on_old_kernel();
}
