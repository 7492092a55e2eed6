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
