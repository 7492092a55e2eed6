//! No descriptor is left behind.
#![allow(missing_docs)]

mod support;

use sctp_peeloff::{PeeloffFlags, assoc_ids, peeloff, peeloff_flags};
use support::descriptors::{self, Limit};
use support::{FAMILIES, associate_many, filter, server, wait_for};

#[test]
fn on_an_old_kernel() {
    let _alone = descriptors::alone();
    filter::rerun_on_old_kernel("on_an_old_kernel");
}

#[test]
fn a_thousand_peel_offs_leave_the_count_where_it_was() {
    let _alone = descriptors::alone();
    let _limit = Limit::most();
    for family in FAMILIES {
        let server = server(family);
        let before = descriptors::open();
        for _ in 0..10 {
            let clients = associate_many(family, &server, 50);
            let peeled: Vec<_> = clients
                .iter()
                .enumerate()
                .map(|(number, (_, id))| match number % 2 {
                    0 => peeloff(&server, *id).unwrap(),
                    _ => peeloff_flags(&server, *id, PeeloffFlags::all()).unwrap(),
                })
                .collect();
            assert_eq!(descriptors::open().len(), before.len() + 100);
            drop(clients);
            wait_for("their ends", || {
                peeled
                    .iter()
                    .all(|one| assoc_ids(one).unwrap().is_empty())
                    .then_some(())
            });
        }
        assert_eq!(descriptors::open(), before);
        assert_eq!(assoc_ids(&server).unwrap(), []);
    }
}
