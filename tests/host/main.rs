//! Tests that run on the host, because they start virtual machines or cargo.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod changed_settings;
mod crate_graph;
mod freestanding;
mod imports;
mod missing_features;
mod readme;
mod runner;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Output};

/// Runs cargo for this package. It must succeed.
fn cargo(arguments: &[&str]) -> Output {
    let output = Command::new(std::env::var_os("CARGO").expect("cargo runs this"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
