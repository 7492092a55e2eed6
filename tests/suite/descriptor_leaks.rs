//! No descriptor is left behind.

use sctp_peeloff::{PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::descriptors::{self, Limit};
use crate::support::{FAMILIES, associate_many, process, server, wait_for};

#[test]
fn a_thousand_peel_offs_leave_the_count_where_it_was() {
    process::alone(|| {
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
    });
}
