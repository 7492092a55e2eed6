//! Peel-offs from several threads at once: all from one socket, or each from its own socket.
//!
//! Prints ratios, because the speed of an emulated CPU differs from that of a real CPU.

use std::os::fd::OwnedFd;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use common::support::descriptors::Limit;
use common::support::{Family, associate_many, server};
use common::variants::{GUARDED, RAW_FLAGS, Way};

const THREADS: [usize; 3] = [1, 2, 4];
/// The number of peel-offs of each thread in a round.
const EACH: usize = 200;
const ROUNDS: usize = 15;

/// The time from the start of all threads until the last thread has finished.
fn round(sockets: &[OwnedFd], threads: usize, way: Way) -> Duration {
    let start = Barrier::new(threads + 1);
    let peel_off = |socket| {
        let associated = associate_many(Family::V4, socket, EACH);
        let mut peeled = Vec::with_capacity(EACH);
        start.wait();
        peeled.extend(associated.iter().map(|(_, id)| way(socket, *id)));
        (associated, peeled)
    };
    thread::scope(|scope| {
        let sockets = sockets.iter().cycle().take(threads);
        let running: Vec<_> = sockets
            .map(|socket| scope.spawn(|| peel_off(socket)))
            .collect();
        start.wait();
        let began = Instant::now();
        let results: Vec<_> = running.into_iter().map(|thread| thread.join()).collect();
        let time = began.elapsed();
        assert!(results.iter().all(Result::is_ok));
        time
    })
}

/// The number of peel-offs per second: the median of all rounds.
fn rate(sockets: usize, threads: usize, way: Way) -> f64 {
    let sockets: Vec<_> = (0..sockets).map(|_| server(Family::V4)).collect();
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round(&sockets, threads, way)).collect();
    times.sort_unstable();
    (threads * EACH) as f64 / times[ROUNDS / 2].as_secs_f64()
}

fn main() {
    let _limit = Limit::most();
    let cpus = thread::available_parallelism().expect("a number");
    println!("{cpus} CPUs; peel-offs per second, relative to one thread:\n");
    println!("| | 1 thread | 2 threads | 4 threads |");
    println!("|---|--:|--:|--:|");
    for (name, way, _) in [GUARDED, RAW_FLAGS] {
        for (whose, own) in [("one socket", false), ("one socket per thread", true)] {
            let rates = THREADS.map(|threads| rate(if own { threads } else { 1 }, threads, way));
            let ratios = rates.map(|rate| format!("{:.2}", rate / rates[0]));
            println!("| `{name}`, {whose} | {} |", ratios.join(" | "));
        }
    }
}
