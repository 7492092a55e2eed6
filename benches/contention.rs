//! Peel-offs from several threads at once: all from one socket, or each from its own socket.
//!
//! Prints ratios, because the speed of an emulated CPU differs from that of a real CPU.

#[path = "../tests/support/mod.rs"]
mod support;

use std::os::fd::OwnedFd;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags, sockopt};
use support::descriptors::Limit;
use support::{Family, associate_many, server};

const THREADS: [usize; 3] = [1, 2, 4];
/// The number of peel-offs of each thread in a round.
const EACH: usize = 200;
const ROUNDS: usize = 15;

type Way = fn(&OwnedFd, AssocId) -> OwnedFd;

const WAYS: [(&str, Way); 2] = [
    ("peeloff_flags", |socket, id| {
        peeloff_flags(socket, id, PeeloffFlags::CLOEXEC).expect("peeled off")
    }),
    ("sockopt::peeloff_flags", |socket, id| {
        sockopt::peeloff_flags(socket, id, PeeloffFlags::CLOEXEC).expect("peeled off")
    }),
];

/// The time from the start of all threads until the last thread has finished.
fn round(sockets: &[OwnedFd], threads: usize, way: Way) -> Duration {
    let mut clients = Vec::new();
    let work: Vec<_> = (0..threads)
        .map(|thread| {
            let socket = &sockets[thread % sockets.len()];
            let associated = associate_many(Family::V4, socket, EACH);
            let ids: Vec<_> = associated.iter().map(|(_, id)| *id).collect();
            clients.extend(associated);
            (socket, ids)
        })
        .collect();
    let start = Barrier::new(threads + 1);
    let mut peeled = Vec::new();
    let time = thread::scope(|scope| {
        let running: Vec<_> = work
            .iter()
            .map(|(socket, ids)| {
                let start = &start;
                scope.spawn(move || {
                    let mut peeled = Vec::with_capacity(EACH);
                    start.wait();
                    peeled.extend(ids.iter().map(|id| way(socket, *id)));
                    peeled
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        peeled.extend(
            running
                .into_iter()
                .map(|thread| thread.join().expect("no panic")),
        );
        began.elapsed()
    });
    drop((peeled, clients));
    time
}

/// The number of peel-offs per second: the median of all rounds.
fn rate(sockets: usize, threads: usize, way: Way) -> f64 {
    let sockets: Vec<_> = (0..sockets).map(|_| server(Family::V4)).collect();
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round(&sockets, threads, way)).collect();
    times.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let peeloffs = (threads * EACH) as f64;
    peeloffs / times[ROUNDS / 2].as_secs_f64()
}

fn main() {
    let _limit = Limit::most();
    let cpus = thread::available_parallelism().expect("a number");
    println!("{cpus} CPUs; peel-offs per second, relative to one thread:\n");
    println!("| | 1 thread | 2 threads | 4 threads |");
    println!("|---|--:|--:|--:|");
    for (name, way) in WAYS {
        for (whose, own) in [("one socket", false), ("one socket per thread", true)] {
            let rates = THREADS.map(|threads| rate(if own { threads } else { 1 }, threads, way));
            let ratios = rates
                .map(|rate| format!("{:.2}", rate / rates[0]))
                .join(" | ");
            println!("| `{name}`, {whose} | {ratios} |");
        }
    }
}
