//! Measures one way to peel off and prints the rows of the table.

use crate::count;
use crate::support::{Family, associate, server};
use crate::variants::RAW_FLAGS;

pub(crate) struct Figures {
    ticks: Vec<u64>,
    pub(crate) allocations: u64,
    calls: u64,
}

impl Figures {
    pub(crate) fn new(mut ticks: Vec<u64>, allocations: u64, calls: u64) -> Self {
        ticks.sort_unstable();
        Self {
            ticks,
            allocations,
            calls,
        }
    }

    fn median(&self) -> u64 {
        self.ticks[self.ticks.len() / 2]
    }
}

/// The number of samples for a row. It must be odd, so that the median is one of the samples.
/// It is 1 if the program has the argument `--test`, as in Criterion.
pub(crate) fn number(number: usize) -> usize {
    let test = std::env::args().any(|argument| argument == "--test");
    if test { 1 } else { number }
}

/// Warms up the kernel. Shortly after boot, or after the release of much memory, a peel-off
/// takes some hundred instructions more.
pub(crate) fn settle() {
    let server = server(Family::V4);
    for _ in 0..number(200) {
        let (_client, id) = associate(Family::V4, &server);
        drop((RAW_FLAGS.1)(&server, id));
    }
}

/// Measures `way`, each time with a new result of `set_up`.
pub(crate) fn sample<T, R>(
    number: usize,
    mut set_up: impl FnMut() -> T,
    way: impl Fn(&T) -> R,
) -> Figures {
    let (ticks, allocations) = ticks(number, &mut set_up, &way);
    let subject = set_up();
    let calls = count::system_calls(|| (), || std::mem::forget(way(&subject)));
    Figures::new(ticks, allocations, calls)
}

/// The ticks of each call to `way`, and the number of allocations per call.
pub(crate) fn ticks<T, R>(
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
        let allocated = count::allocations();
        let start = count::ticks();
        let own = way(&subject);
        let end = count::ticks();
        if turn >= warm_up {
            allocations += count::allocations() - allocated;
            ticks.push(end - start);
        }
        drop(own);
    }
    (ticks, allocations / number as u64)
}

/// Prints rows, and stores their medians as baselines for later rows. If several rows have the
/// same name, the newest is the baseline, because the same call takes about ten instructions
/// more after the kernel has run for longer.
pub(crate) struct Table {
    medians: Vec<(String, u64)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        println!("group\tway\tfamily\tcalls\tallocations\tmedian\tlowest\thighest\tratio\tagainst");
        Self {
            medians: Vec::new(),
        }
    }

    pub(crate) fn row(
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
        let key = |way| format!("{way}\t{family}");
        self.medians.push((key(way), figures.median()));
        let (_, of) = self
            .medians
            .iter()
            .rev()
            .find(|(known, _)| *known == key(against))
            .expect("the baseline is measured first");
        // An integer, in units of 1/10,000.
        let ratio = (figures.median() * 10_000 + of / 2) / of;
        println!(
            "{group}\t{way}\t{family}\t{}\t{}\t{}\t{}\t{}\t{}.{:04}\t{against}",
            figures.calls,
            figures.allocations,
            figures.median(),
            figures.ticks[0],
            figures.ticks[figures.ticks.len() - 1],
            ratio / 10_000,
            ratio % 10_000,
        );
    }
}
