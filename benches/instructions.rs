//! The cost of each way to peel off in system calls, allocations and ticks.
//!
//! `benches/report` runs this program in a guest in which a tick is an instruction, so the
//! figures are reproducible. In other environments, a tick is a unit of time.

use std::os::fd::{AsFd, OwnedFd};

use common::count;
use common::guards::GUARDS;
use common::measure::{Figures, SAMPLES, Table, once, peeloffs, sample, settle, ticks};
use common::support::descriptors::Limit;
use common::support::option::{self, SCTP_NODELAY};
use common::support::{
    FAMILIES, Family, associate, associate_many, client, filter, server, socket, wait_until,
};
use common::variants::{BARE_FLAGS, BARE_PLAIN, FLAGS, GUARDED, RAW_FLAGS, WAYS, Way, accept};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{SendFlags, SocketType, listen, send};
use sctp_peeloff::sockopt::SOL_SCTP;
use sctp_peeloff::{AssocId, Peeler};

/// The number of samples if each sample requires many associations or messages.
const FEW: usize = 11;

fn main() {
    let mut table = Table::default();
    settle();
    for family in FAMILIES {
        ways(&mut table, family);
    }
    for family in FAMILIES {
        peeler(&mut table, family);
    }
    guards(&mut table);
    for family in FAMILIES {
        first_call(&mut table, family);
    }
    // From here on, the library's cache says that the kernel is older than 4.13, so the
    // measurements of a current kernel come first. `messages` and `associations` measure
    // `sockopt`, which does not use the cache. The filter applies to one thread, which has
    // ended, so it does not slow later calls.
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    filter::denied([filter::flags_option()], libc::ENOPROTOOPT, || {
        drop((GUARDED.1)(&server, id));
    });
    drop((server, client));
    for family in FAMILIES {
        old_kernel_cached(&mut table, family);
    }
    messages(&mut table);
    associations(&mut table);
}

fn measure(family: Family, way: Way) -> Figures {
    let figures = peeloffs(SAMPLES, family, &server(family), way);
    assert_eq!(figures.allocations, 0);
    figures
}

fn ways(table: &mut Table, family: Family) {
    for (name, way, against) in WAYS {
        table.row("ways", name, family, &measure(family, way), against);
    }
    let listener = socket(family, SocketType::STREAM);
    listen(&listener, 16).expect("listen");
    let set_up = || client(family, &listener);
    let figures = sample(SAMPLES, set_up, |_| accept(&listener));
    table.row("ways", "accept4", family, &figures, BARE_FLAGS.0);
}

/// The ticks are the sum of both threads. The system calls are those of the calling thread.
/// They are counted in a child process, which has a separate helper thread.
fn peeler(table: &mut Table, family: Family) {
    let server = server(family);
    let new = || Peeler::new().expect("a helper thread");
    let way = |peeler: &Peeler, id| {
        let peeled = peeler.peeloff_flags(&server, id, FLAGS);
        peeled.expect("peeled off")
    };
    let peeler = new();
    let set_up = || associate(family, &server);
    let (ticks, allocations) = ticks(SAMPLES, set_up, |(_, id)| way(&peeler, *id));
    let (_client, id) = associate(family, &server);
    let calls = count::system_calls(new, |peeler| way(peeler, id));
    let figures = Figures::new(ticks, allocations, calls);
    let name = "Peeler::peeloff_flags";
    table.row("ways", name, family, &figures, BARE_FLAGS.0);
}

fn guards(table: &mut Table) {
    let server = server(Family::V4);
    for (name, guard) in GUARDS {
        let figures = sample(SAMPLES, || (), |()| guard(&server));
        table.row("guards", name, Family::V4, &figures, GUARDS[0].0);
    }
}

/// Measures the cost in relation to the number of associations that remain on the socket.
fn associations(table: &mut Table) {
    let _limit = Limit::most();
    let server = server(Family::V4);
    let mut others = Vec::new();
    for most in [10, 100, 1_000, 10_000] {
        others.extend(associate_many(Family::V4, &server, most - others.len()));
        let figures = peeloffs(FEW, Family::V4, &server, RAW_FLAGS.1);
        let name = format!("{most} associations");
        table.row("growth", &name, Family::V4, &figures, RAW_FLAGS.0);
    }
}

/// Measures the cost in relation to the number of messages in the socket's receive queue. All
/// messages belong to the peeled-off association, or all belong to another association.
fn messages(table: &mut Table) {
    for number in [0, 100, 1_000, 10_000] {
        for (owner, sender) in [("its own", 0), ("another's", 1)] {
            let set_up = || queue(number, sender);
            let figures = sample(FEW, set_up, |(server, ends)| {
                let [(_, id), _] = ends;
                (RAW_FLAGS.1)(server, *id)
            });
            let name = format!("{number} messages, {owner}");
            table.row("growth", &name, Family::V4, &figures, RAW_FLAGS.0);
        }
    }
}

/// A server with two associations. One of them has messages in the server's receive queue.
fn queue(number: u64, sender: usize) -> (OwnedFd, [(OwnedFd, AssocId); 2]) {
    let server = server(Family::V4);
    set_socket_recv_buffer_size_force(&server, 64 << 20).expect("a buffer");
    let ends = [(); 2].map(|()| associate(Family::V4, &server));
    let (client, id) = &ends[sender];
    option::set_words(client, SCTP_NODELAY, &[1]);
    for _ in 0..number {
        send(client, b"m", SendFlags::empty()).expect("a message");
    }
    wait_until("the messages", || received(&server, *id) == number);
    (server, ends)
}

/// The number of DATA chunks that the association has received. Each chunk is one message.
fn received(server: &OwnedFd, id: AssocId) -> u64 {
    const SCTP_GET_ASSOC_STATS: i32 = 112;
    // `struct sctp_assoc_stats` has the id, an address and fifteen 64-bit counters. The
    // counter of received ordered DATA chunks is at offset 232.
    let mut stats = [0; 256];
    stats[..4].copy_from_slice(&id.as_raw().to_ne_bytes());
    option::get(server.as_fd(), SOL_SCTP, SCTP_GET_ASSOC_STATS, &mut stats).expect("statistics");
    let ordered = stats[232..240].try_into().expect("eight bytes");
    u64::from_ne_bytes(ordered)
}

/// Measures the first call on a kernel before 4.13, before the library has cached this fact.
/// The seccomp filter that simulates the kernel slows each system call, so the bare call is
/// measured with the filter too.
fn first_call(table: &mut Table, family: Family) {
    let filtered = "bare PEELOFF, filtered";
    let first = "peeloff_flags, first call";
    for (name, way) in [(filtered, BARE_PLAIN.1), (first, GUARDED.1)] {
        let figures = measure_filtered(family, way);
        table.row("before 4.13", name, family, &figures, filtered);
    }
}

/// Takes each sample in a separate process.
fn measure_filtered(family: Family, way: Way) -> Figures {
    let server = server(family);
    let old_kernel = || filter::deny([filter::flags_option()], libc::ENOPROTOOPT);
    let sample = |_| {
        let (_first, other) = associate(family, &server);
        let (_second, id) = associate(family, &server);
        count::in_child(|| {
            old_kernel();
            // Maps all pages of the child, so that the ticks do not include page faults.
            mlockall(MlockAllFlags::CURRENT).expect("memory");
            drop((BARE_PLAIN.1)(&server, other));
            let (ticks, allocations) = once(|| way(&server, id));
            assert_eq!(allocations, 0);
            ticks
        })
    };
    let ticks = (0..SAMPLES).map(sample).collect();
    let (_client, id) = associate(family, &server);
    let calls = count::system_calls(old_kernel, |()| way(&server, id));
    Figures::new(ticks, 0, calls)
}

fn old_kernel_cached(table: &mut Table, family: Family) {
    let (against, bare, _) = BARE_FLAGS;
    for (name, way) in [(against, bare), ("peeloff_flags, cached", GUARDED.1)] {
        let figures = measure(family, way);
        table.row("before 4.13", name, family, &figures, against);
    }
}
