//! What runs on this machine as it is: the runner's guests, and what takes a build.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod crate_graph;
mod freestanding;
mod imports;
mod missing_features;
mod readme;
mod runner;
mod safety;
#[path = "../support/mod.rs"]
mod support;
