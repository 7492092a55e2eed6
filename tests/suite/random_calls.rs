//! Random calls on random descriptors return the results of a model: a descriptor, or the
//! error that the model expects. No call panics or leaks a descriptor.

mod call;
mod model;

use std::cell::RefCell;

use model::World;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{descriptors, process, repetitions};

const CALLS_PER_CASE: usize = 100;

#[test]
fn functions_return_the_results_of_the_model() {
    let cases = repetitions("cases of 100 calls", 1000, 100);
    process::alone(|| {
        let before = descriptors::open().len();
        let world = RefCell::new(World::new());
        let during = descriptors::open().len();
        let config = Config {
            cases: u32::try_from(cases).unwrap(),
            failure_persistence: None,
            ..Config::default()
        };
        let calls = proptest::collection::vec(call::call(), CALLS_PER_CASE..=CALLS_PER_CASE + 10);
        TestRunner::new(config)
            .run(&calls, |calls| {
                let mut world = world.borrow_mut();
                for call in calls {
                    world.run(call);
                }
                prop_assert_eq!(descriptors::open().len(), during);
                Ok(())
            })
            .unwrap();
        let world = world.into_inner();
        println!("{} calls, {} peel-offs", world.calls, world.peeled);
        assert!(world.calls >= cases * CALLS_PER_CASE);
        drop(world);
        assert_eq!(descriptors::open().len(), before);
    });
}
