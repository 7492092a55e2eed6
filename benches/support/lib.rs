//! The setup, the ways to peel off, and the measurements, for all programs of this package.

pub mod count;
pub mod guards;
pub mod measure;
#[path = "../../tests/support/mod.rs"]
pub mod support;
pub mod variants;
