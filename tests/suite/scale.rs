//! Peel-offs of many associations from one socket.

use std::fs::read_to_string;
use std::os::fd::OwnedFd;
use std::time::Instant;

use sctp_peeloff::{AssocId, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::descriptors::{self, Limit};
use crate::support::message::passes;
use crate::support::{
    FAMILIES, Family, associate_many, process, repetitions, server, wait_until_ended,
};

/// The anonymous memory of this process (heap and stacks, without the program's code) in KiB.
fn memory() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.expect("RssAnon").parse().unwrap()
}

#[test]
fn peeloff_flags_peels_off_many_associations_of_one_socket() {
    let number = repetitions("associations", 10_000, 1_000);
    process::alone(|| {
        let _limit = Limit::most();
        let descriptors_before = descriptors::open();
        let memory_before = memory();

        let start = Instant::now();
        let server = server(Family::V4);
        let clients = associate_many(Family::V4, &server, number);
        println!("{number} associations in {:.1?}", start.elapsed());
        let ids = assoc_ids(&server).unwrap();
        assert_eq!(ids, clients.iter().map(|(_, id)| *id).collect::<Vec<_>>());

        let start = Instant::now();
        let peel = |id| peeloff_flags(&server, id, PeeloffFlags::CLOEXEC).unwrap();
        let peeled: Vec<OwnedFd> = ids.into_iter().map(peel).collect();
        let each = start.elapsed() / u32::try_from(number).unwrap();
        let memory = memory().saturating_sub(memory_before);
        println!(
            "{:.0} peel-offs per second; {memory} KiB",
            1.0 / each.as_secs_f64()
        );
        assert_eq!(assoc_ids(&server).unwrap(), []);
        // The process needs an id and two descriptors for each association, and some memory for
        // the test itself.
        assert!(memory < 512, "{memory} KiB");

        for (peeled, (client, id)) in peeled.iter().zip(&clients) {
            passes(client, peeled, id.to_string());
            passes(peeled, client, id.to_string());
        }
        drop((server, peeled, clients));
        assert_eq!(descriptors::open(), descriptors_before);
    });
}

#[test]
fn peeloff_leaves_no_descriptor_behind() {
    process::alone(|| {
        let _limit = Limit::most();
        for family in FAMILIES {
            let server = server(family);
            let before = descriptors::open();
            for _ in 0..10 {
                let clients = associate_many(family, &server, 50);
                let peel = |(number, (_, id)): (usize, &(_, AssocId))| match number % 2 {
                    0 => peeloff(&server, *id).unwrap(),
                    _ => peeloff_flags(&server, *id, PeeloffFlags::all()).unwrap(),
                };
                let peeled: Vec<_> = clients.iter().enumerate().map(peel).collect();
                assert_eq!(descriptors::open().len(), before.len() + 100);
                drop(clients);
                peeled.iter().for_each(wait_until_ended);
            }
            assert_eq!(descriptors::open(), before);
            assert_eq!(assoc_ids(&server).unwrap(), []);
        }
    });
}
