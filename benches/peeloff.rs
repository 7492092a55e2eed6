//! Peel-offs by the clock: each way, and by what is on the one-to-many socket.
#![allow(missing_docs, reason = "criterion's macro makes public functions")]

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/variants.rs"]
mod variants;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rustix::net::{SendFlags, SocketType, connect, listen, send};
use sctp_peeloff::AssocId;
use support::descriptors::Limit;
use support::{FAMILIES, Family, address, associate, associate_many, server, socket};
use variants::{FALLBACK, WAYS, Way, accept, remember_old_kernel};

/// Associations that are open at once: far below the usual limit of 1,024 descriptors.
const CHUNK: u64 = 200;

/// The time of that many turns, set up in chunks outside of it.
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
        let mut group = criterion.benchmark_group(format!("peel-off {family:?}"));
        group.throughput(Throughput::Elements(1));
        for (name, way, _) in WAYS {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|turns| peeloffs(turns, family, way));
            });
        }
        group.bench_function("accept", |bencher| {
            bencher.iter_custom(|turns| accepts(turns, family));
        });
        group.finish();
    }
}

/// By the number of associations on the socket.
fn associations(criterion: &mut Criterion) {
    let _limit = Limit::most();
    let mut group = criterion.benchmark_group("associations on the socket");
    for number in [10, 100, 1_000, 10_000] {
        let server = server(Family::V4);
        let _others = associate_many(Family::V4, &server, number);
        group.bench_with_input(
            BenchmarkId::from_parameter(number),
            &number,
            |bencher, _| {
                bencher.iter_custom(|turns| {
                    chunks(
                        turns,
                        || associate(Family::V4, &server),
                        |(_, id): &(OwnedFd, AssocId)| WAYS[1].1(&server, *id),
                    )
                });
            },
        );
    }
    group.finish();
}

/// By the number of messages that wait on the socket, all of one association:
/// the one that is peeled off, or another.
fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages queued");
    for number in [0, 100, 1_000, 10_000] {
        for whose in ["its own", "another's"] {
            group.bench_with_input(BenchmarkId::new(whose, number), &number, |bencher, _| {
                bencher.iter_custom(|turns| {
                    (0..turns)
                        .map(|_| one_with_queue(number, whose == "its own"))
                        .sum()
                });
            });
        }
    }
    group.finish();
}

fn one_with_queue(number: usize, own: bool) -> Duration {
    let server = server(Family::V4);
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&server, 64 << 20).expect("a buffer");
    let (client, id) = associate(Family::V4, &server);
    let (other, _) = associate(Family::V4, &server);
    let sender = if own { &client } else { &other };
    for _ in 0..number {
        send(sender, b"m", SendFlags::empty()).expect("a message");
    }
    let start = Instant::now();
    let own = WAYS[1].1(&server, id);
    let time = start.elapsed();
    drop(own);
    time
}

/// Last, since the library then takes this kernel for an old one.
fn fallback(criterion: &mut Criterion) {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    remember_old_kernel(&server, id);
    for family in FAMILIES {
        let mut group = criterion.benchmark_group(format!("peel-off {family:?}"));
        group.throughput(Throughput::Elements(1));
        let (name, way, _) = FALLBACK;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|turns| peeloffs(turns, family, way));
        });
        group.finish();
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = short();
    targets = ways, associations, messages, fallback
}
criterion_main!(benches);
