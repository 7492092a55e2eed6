//! Peel-offs by the clock: each way, and by what is on the one-to-many socket.
#![allow(missing_docs, reason = "criterion's macro makes public functions")]

#[path = "support/count.rs"]
#[allow(dead_code, reason = "processes are all that is taken of it")]
mod count;
#[path = "support/growth.rs"]
mod growth;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/variants.rs"]
mod variants;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use growth::{ASSOCIATIONS, MESSAGES, Queue, WHOSE, Whose};
use rustix::net::{SocketType, connect, listen};
use sctp_peeloff::AssocId;
use support::descriptors::Limit;
use support::filter;
use support::{FAMILIES, Family, address, associate, server, socket};
use variants::{BARE_PLAIN, GUARDED, RAW_FLAGS, WAYS, Way, accept, remember_old_kernel};

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

/// By the number of associations that stay on the socket.
fn associations(criterion: &mut Criterion) {
    let _limit = Limit::most();
    let mut group = criterion.benchmark_group("associations on the socket");
    let server = server(Family::V4);
    let mut others = Vec::new();
    for most in ASSOCIATIONS {
        while others.len() < most {
            others.push(associate(Family::V4, &server));
        }
        let id = BenchmarkId::from_parameter(most);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|turns| {
                chunks(
                    turns,
                    || associate(Family::V4, &server),
                    |(_, id): &(OwnedFd, AssocId)| (RAW_FLAGS.1)(&server, *id),
                )
            });
        });
    }
    group.finish();
}

/// By the number of messages that wait on the socket, all of one association: the
/// one that is peeled off, or another.
fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages queued");
    group.measurement_time(Duration::from_millis(10));
    for (owner, whose) in WHOSE {
        for waiting in MESSAGES {
            let id = BenchmarkId::new(owner, waiting);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|turns| (0..turns).map(|_| with_queue(waiting, whose)).sum());
            });
        }
    }
    group.finish();
}

fn with_queue(waiting: usize, whose: Whose) -> Duration {
    let queue = Queue::new(waiting, whose);
    let start = Instant::now();
    let own = (RAW_FLAGS.1)(&queue.server, queue.id);
    let time = start.elapsed();
    drop(own);
    time
}

/// Before the library knows a kernel for an old one. The filter that plays the kernel
/// has its price, so the bare call is measured under it too.
fn first_call(criterion: &mut Criterion) {
    for family in FAMILIES {
        let mut group = criterion.benchmark_group(format!("first call before 4.13, {family:?}"));
        group.throughput(Throughput::Elements(1));
        for (name, way) in [
            ("bare PEELOFF, filtered", BARE_PLAIN.1),
            ("peeloff_flags", GUARDED.1),
        ] {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|turns| (0..turns).map(|_| first(family, way)).sum());
            });
        }
        group.finish();
    }
}

/// In a process of its own, which forgets it again.
fn first(family: Family, way: Way) -> Duration {
    let server = server(family);
    let (_client, id) = associate(family, &server);
    let nanoseconds = count::in_child(|| {
        filter::deny([filter::flags_option()], libc::ENOPROTOOPT);
        let start = Instant::now();
        let own = way(&server, id);
        let time = start.elapsed();
        drop(own);
        u64::try_from(time.as_nanos()).expect("a time")
    });
    Duration::from_nanos(nanoseconds)
}

/// Last, since the library then takes this kernel for an old one.
fn remembered(criterion: &mut Criterion) {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    remember_old_kernel(&server, id);
    for family in FAMILIES {
        let mut group = criterion.benchmark_group(format!("kernels before 4.13, {family:?}"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("peeloff_flags, remembered", |bencher| {
            bencher.iter_custom(|turns| peeloffs(turns, family, GUARDED.1));
        });
        group.finish();
    }
}

/// Of what is timed; the associations that it takes come on top, and cost more.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(10))
        .measurement_time(Duration::from_millis(50))
}

criterion_group! {
    name = benches;
    config = short();
    targets = ways, associations, messages, first_call, remembered
}
criterion_main!(benches);
