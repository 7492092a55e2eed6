//! What each way costs in system calls, allocations and processor ticks.
//!
//! Under `benches/report`, a tick is an instruction, so the figures repeat. On a
//! kernel that is run otherwise, they are a clock's.

#[path = "support/count.rs"]
mod count;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/variants.rs"]
mod variants;

use std::os::fd::OwnedFd;

use rustix::net::{SocketType, connect, listen};
use sctp_peeloff::AssocId;
use support::{Family, address, associate, server, socket};
use variants::{FALLBACK, WAYS, Way, accept, remember_old_kernel};

/// Odd, so that the median is one of them.
const SAMPLES: usize = 101;
const WARM_UP: usize = 20;

struct Figures {
    ticks: Vec<u64>,
    allocations: u64,
    calls: u64,
}

fn main() {
    let mut bare = Vec::new();
    println!("way\tfamily\tcalls\tallocations\tmedian\tlowest\thighest\tratio");
    for family in support::FAMILIES {
        for (name, way, limit) in WAYS {
            let figures = measure(family, way);
            if name == limit {
                bare.push(((family, limit), median(&figures)));
            }
            print(family, name, &figures, &bare, limit);
        }
        print(family, "accept", &measure_accept(family), &bare, FALLBACK.2);
    }
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    remember_old_kernel(&server, id);
    for family in support::FAMILIES {
        let (name, way, limit) = FALLBACK;
        print(family, name, &measure(family, way), &bare, limit);
    }
}

fn measure(family: Family, way: Way) -> Figures {
    let server = server(family);
    sample(
        || associate(family, &server),
        |(_, id): &(OwnedFd, AssocId)| way(&server, *id),
    )
}

fn measure_accept(family: Family) -> Figures {
    let listener = socket(family, SocketType::STREAM);
    listen(&listener, 16).expect("listen");
    sample(
        || {
            let client = socket(family, SocketType::STREAM);
            connect(&client, &address(&listener)).expect("associate");
            client
        },
        |_| accept(&listener),
    )
}

fn sample<T>(set_up: impl Fn() -> T, way: impl Fn(&T) -> OwnedFd) -> Figures {
    let mut ticks = Vec::with_capacity(SAMPLES);
    let mut allocations = 0;
    for turn in 0..WARM_UP + SAMPLES {
        let subject = set_up();
        let allocated = count::allocations();
        let start = count::ticks();
        let own = way(&subject);
        let end = count::ticks();
        allocations += count::allocations() - allocated;
        drop(own);
        if turn >= WARM_UP {
            ticks.push(end - start);
        }
    }
    ticks.sort_unstable();
    let subject = set_up();
    let calls = count::system_calls(|| std::mem::forget(way(&subject)));
    Figures {
        ticks,
        allocations,
        calls,
    }
}

fn median(figures: &Figures) -> u64 {
    figures.ticks[SAMPLES / 2]
}

fn print(
    family: Family,
    name: &str,
    figures: &Figures,
    bare: &[((Family, &str), u64)],
    limit: &str,
) {
    let (_, of) = bare
        .iter()
        .find(|(key, _)| *key == (family, limit))
        .expect("the limit was measured first");
    // In whole numbers: ten-thousandths.
    let ratio = (median(figures) * 10_000 + of / 2) / of;
    println!(
        "{name}\t{family:?}\t{}\t{}\t{}\t{}\t{}\t{}.{:04}",
        figures.calls,
        figures.allocations,
        median(figures),
        figures.ticks[0],
        figures.ticks[SAMPLES - 1],
        ratio / 10_000,
        ratio % 10_000,
    );
}
