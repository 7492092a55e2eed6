//! The elapsed time of each way to peel off. `instructions.rs` has the measurements of
//! sockets with many associations or messages, and of kernels before 4.13.
#![allow(missing_docs, reason = "criterion's macro makes public functions")]

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/variants.rs"]
#[allow(dead_code, reason = "instructions.rs uses the others")]
mod variants;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rustix::net::{SocketType, connect, listen};
use sctp_peeloff::AssocId;
use support::{FAMILIES, Family, address, associate, server, socket};
use variants::{WAYS, Way, accept};

/// The number of associations that are open at once. It is far below the usual limit of 1,024
/// descriptors.
const CHUNK: u64 = 200;

/// The time of `turns` calls of `way`. The setup, which is done in chunks, is not timed.
fn chunks<T>(
    mut turns: u64,
    mut set_up: impl FnMut() -> T,
    mut way: impl FnMut(&T) -> OwnedFd,
) -> Duration {
    let mut time = Duration::ZERO;
    while turns > 0 {
        let chunk = turns.min(CHUNK);
        let subjects: Vec<T> = (0..chunk).map(|_| set_up()).collect();
        let mut own = Vec::with_capacity(subjects.len());
        let start = Instant::now();
        for subject in &subjects {
            own.push(way(subject));
        }
        time += start.elapsed();
        turns -= chunk;
    }
    time
}

fn peeloffs(turns: u64, family: Family, way: Way) -> Duration {
    let server = server(family);
    chunks(
        turns,
        || associate(family, &server),
        |(_, id): &(OwnedFd, AssocId)| way(&server, *id),
    )
}

fn accepts(turns: u64, family: Family) -> Duration {
    let listener = socket(family, SocketType::STREAM);
    listen(&listener, 1024).expect("listen");
    let set_up = || {
        let client = socket(family, SocketType::STREAM);
        connect(&client, &address(&listener)).expect("associate");
        client
    };
    chunks(turns, set_up, |_| accept(&listener))
}

fn ways(criterion: &mut Criterion) {
    for family in FAMILIES {
        let mut group = criterion.benchmark_group(format!("one peel-off, {family:?}"));
        group.throughput(Throughput::Elements(1));
        for (name, way, _) in WAYS {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|turns| peeloffs(turns, family, way));
            });
        }
        group.bench_function("accept4", |bencher| {
            bencher.iter_custom(|turns| accepts(turns, family));
        });
        group.finish();
    }
}

/// Short times, because they do not include the setup of the associations, which takes
/// longer.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(10))
        .measurement_time(Duration::from_millis(50))
}

criterion_group! {
    name = benches;
    config = short();
    targets = ways
}
criterion_main!(benches);
