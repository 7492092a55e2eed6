//! Measures one way to peel off and prints the rows of the table.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use sctp_peeloff::AssocId;

use crate::count;
use crate::support::{Family, associate, server};
use crate::variants::RAW_FLAGS;

/// The number of samples for a row. It is odd, so that the median is one of the samples.
pub const SAMPLES: usize = 101;

pub struct Figures {
    ticks: Vec<u64>,
    pub allocations: u64,
    calls: u64,
}

impl Figures {
    pub fn new(mut ticks: Vec<u64>, allocations: u64, calls: u64) -> Self {
        ticks.sort_unstable();
        Self {
            ticks,
            allocations,
            calls,
        }
    }
}

/// Warms up the kernel. Shortly after boot, or after the release of much memory, a peel-off
/// takes some hundred instructions more.
pub fn settle() {
    let server = server(Family::V4);
    for _ in 0..200 {
        let (_client, id) = associate(Family::V4, &server);
        drop((RAW_FLAGS.1)(&server, id));
    }
}

/// Measures `way`, each time with a new association of this socket.
pub fn peeloffs<R>(
    number: usize,
    family: Family,
    server: &OwnedFd,
    way: impl Fn(&OwnedFd, AssocId) -> R,
) -> Figures {
    let set_up = || associate(family, server);
    sample(number, set_up, |(_, id)| way(server, *id))
}

/// Measures `way`, each time with a new result of `set_up`.
pub fn sample<T, R>(
    number: usize,
    mut set_up: impl FnMut() -> T,
    way: impl Fn(&T) -> R,
) -> Figures {
    let (ticks, allocations) = ticks(number, &mut set_up, &way);
    let calls = count::system_calls(set_up, way);
    Figures::new(ticks, allocations, calls)
}

/// The ticks of each call to `way`, and the number of allocations per call.
pub fn ticks<T, R>(
    number: usize,
    mut set_up: impl FnMut() -> T,
    way: impl Fn(&T) -> R,
) -> (Vec<u64>, u64) {
    // The median is stable after the kernel's slab caches contain the objects that a call
    // allocates.
    let warm_up = number.min(20);
    let mut ticks = Vec::with_capacity(number);
    let mut allocations = 0;
    for turn in 0..warm_up + number {
        let subject = set_up();
        let (time, allocated) = once(|| way(&subject));
        if turn >= warm_up {
            allocations += allocated;
            ticks.push(time);
        }
    }
    (ticks, allocations / number as u64)
}

/// The ticks and the allocations of one call of `way`.
pub fn once<R>(way: impl FnOnce() -> R) -> (u64, u64) {
    let allocated = count::allocations();
    let start = count::ticks();
    let own = way();
    let end = count::ticks();
    let allocated = count::allocations() - allocated;
    drop(own);
    (end - start, allocated)
}

/// Prints rows, and stores their medians as baselines for later rows. If several rows have the
/// same name, the newest is the baseline, because the same call takes about ten instructions
/// more after the kernel has run for longer.
#[derive(Default)]
pub struct Table {
    medians: HashMap<String, u64>,
}

impl Table {
    pub fn row(
        &mut self,
        group: &str,
        way: &str,
        family: Family,
        figures: &Figures,
        against: &str,
    ) {
        let family = match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        };
        let Figures {
            ticks,
            allocations,
            calls,
        } = figures;
        let (lowest, median, highest) = (ticks[0], ticks[ticks.len() / 2], ticks[ticks.len() - 1]);
        let key = |way| format!("{way}\t{family}");
        self.medians.insert(key(way), median);
        let of = self.medians[&key(against)];
        // An integer, in units of 1/10,000.
        let ratio = (median * 10_000 + of / 2) / of;
        println!(
            "{group}\t{way}\t{family}\t{calls}\t{allocations}\t{median}\t{lowest}\t{highest}\t{}.{:04}\t{against}",
            ratio / 10_000,
            ratio % 10_000,
        );
    }
}
