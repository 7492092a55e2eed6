//! Any call on any descriptor does what a model of the world says: no panic, no
//! leak, a descriptor when the model has one and the error that it names otherwise.
#![allow(missing_docs)]

#[path = "properties/calls.rs"]
mod calls;
mod support;
#[path = "properties/world.rs"]
mod world;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::{descriptors, filter};
use world::World;

/// Or as many as the environment says, where calls are slow.
const CASES: &str = "1000";
const CALLS_A_CASE: usize = 100;

#[test]
fn on_an_old_kernel() {
    let _alone = descriptors::alone();
    filter::rerun_on_old_kernel("on_an_old_kernel");
}

#[test]
fn a_hundred_thousand_calls() {
    let _alone = descriptors::alone();
    let before = descriptors::open().len();
    let world = RefCell::new(World::new());
    let during = descriptors::open().len();
    let cases = std::env::var("PROPTEST_CASES").unwrap_or(CASES.into());
    let config = Config {
        cases: cases.parse().unwrap(),
        failure_persistence: None,
        ..Config::default()
    };
    let calls = proptest::collection::vec(calls::call(), CALLS_A_CASE..=CALLS_A_CASE + 10);
    let least = config.cases as usize * CALLS_A_CASE;
    TestRunner::new(config)
        .run(&calls, |calls| {
            let mut world = world.borrow_mut();
            for call in &calls {
                world.run(call);
            }
            prop_assert_eq!(descriptors::open().len(), during);
            Ok(())
        })
        .unwrap();
    let world = world.into_inner();
    println!("{} calls, {} peel-offs", world.calls, world.peeled);
    assert!(world.calls >= least);
    drop(world);
    assert_eq!(descriptors::open().len(), before);
}
