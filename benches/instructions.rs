//! The cost of each way to peel off in system calls, allocations and ticks.
//!
//! `benches/report` runs this program in a guest in which a tick is an instruction, so the
//! figures are reproducible. In other environments, a tick is a unit of time.

#[path = "support/count.rs"]
mod count;
#[path = "support/growth.rs"]
mod growth;
#[path = "support/guards.rs"]
mod guards;
#[path = "support/measure.rs"]
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/variants.rs"]
mod variants;

use std::cell::OnceCell;
use std::os::fd::OwnedFd;

use growth::{ASSOCIATIONS, MESSAGES, Queue, WHOSE};
use guards::GUARDS;
use measure::{Figures, Table, number, sample, settle, ticks};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::net::{SocketType, connect, listen};
use sctp_peeloff::{AssocId, Peeler};
use support::descriptors::Limit;
use support::{FAMILIES, Family, address, associate, filter, server, socket};
use variants::{
    BARE_FLAGS, BARE_PLAIN, FLAGS, GUARDED, RAW_FLAGS, WAYS, Way, accept, cache_old_kernel,
};

const SAMPLES: usize = 101;
/// The number of samples if each sample requires many associations or messages.
const FEW: usize = 11;

fn main() {
    let mut table = Table::new();
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
    // `sockopt`, which does not use the cache.
    let server = server(Family::V4);
    let (client, id) = associate(Family::V4, &server);
    cache_old_kernel(&server, id);
    drop((server, client));
    for family in FAMILIES {
        old_kernel_cached(&mut table, family);
    }
    messages(&mut table);
    associations(&mut table);
}

fn measure(family: Family, way: Way) -> Figures {
    let server = server(family);
    let figures = sample(
        number(SAMPLES),
        || associate(family, &server),
        |(_, id): &(OwnedFd, AssocId)| way(&server, *id),
    );
    assert_eq!(figures.allocations, 0);
    figures
}

fn ways(table: &mut Table, family: Family) {
    for (name, way, against) in WAYS {
        table.row("ways", name, family, &measure(family, way), against);
    }
    let listener = socket(family, SocketType::STREAM);
    listen(&listener, 16).expect("listen");
    let set_up = || {
        let client = socket(family, SocketType::STREAM);
        connect(&client, &address(&listener)).expect("associate");
        client
    };
    let figures = sample(number(SAMPLES), set_up, |_| accept(&listener));
    table.row("ways", "accept4", family, &figures, BARE_FLAGS.0);
}

/// The ticks are the sum of both threads. The system calls are those of the calling thread.
/// They are counted in a child process, which has a separate helper thread.
fn peeler(table: &mut Table, family: Family) {
    let server = server(family);
    let peeler = Peeler::new().expect("a helper thread");
    let (ticks, allocations) = ticks(
        number(SAMPLES),
        || associate(family, &server),
        |(_, id): &(OwnedFd, AssocId)| peel_off(&peeler, &server, *id),
    );
    let (_client, id) = associate(family, &server);
    let its = OnceCell::new();
    let calls = count::system_calls(
        || {
            its.set(Peeler::new().expect("a helper thread"))
                .expect("one")
        },
        || std::mem::forget(its.get().map(|peeler| peel_off(peeler, &server, id))),
    );
    let figures = Figures::new(ticks, allocations, calls);
    table.row(
        "ways",
        "Peeler::peeloff_flags",
        family,
        &figures,
        BARE_FLAGS.0,
    );
}

fn peel_off(peeler: &Peeler, server: &OwnedFd, id: AssocId) -> OwnedFd {
    peeler.peeloff_flags(server, id, FLAGS).expect("peeled off")
}

fn guards(table: &mut Table) {
    let server = server(Family::V4);
    for (name, guard) in GUARDS {
        let figures = sample(number(SAMPLES), || (), |()| guard(&server));
        table.row("guards", name, Family::V4, &figures, GUARDS[0].0);
    }
}

/// Measures the cost in relation to the number of associations that remain on the socket.
fn associations(table: &mut Table) {
    let _limit = Limit::most();
    let (_, way, _) = RAW_FLAGS;
    let server = server(Family::V4);
    let mut others = Vec::new();
    for most in ASSOCIATIONS {
        while others.len() < most {
            others.push(associate(Family::V4, &server));
        }
        let figures = sample(
            number(FEW),
            || associate(Family::V4, &server),
            |(_, id): &(OwnedFd, AssocId)| way(&server, *id),
        );
        let name = format!("{most} associations");
        table.row("growth", &name, Family::V4, &figures, RAW_FLAGS.0);
    }
}

/// Measures the cost in relation to the number of messages in the socket's receive queue. All
/// messages belong to the peeled-off association, or all belong to another association.
fn messages(table: &mut Table) {
    let (_, way, _) = RAW_FLAGS;
    for waiting in MESSAGES {
        for (owner, whose) in WHOSE {
            let figures = sample(
                number(FEW),
                || Queue::new(waiting, whose),
                |queue| way(&queue.server, queue.id),
            );
            let name = format!("{waiting} messages, {owner}");
            table.row("growth", &name, Family::V4, &figures, RAW_FLAGS.0);
        }
    }
}

/// Measures the first call on a kernel before 4.13, before the library has cached this fact.
/// The seccomp filter that simulates the kernel slows each system call, so the bare call is
/// measured with the filter too.
fn first_call(table: &mut Table, family: Family) {
    let filtered = format!("{}, filtered", BARE_PLAIN.0);
    for (name, way) in [
        (&*filtered, BARE_PLAIN.1),
        ("peeloff_flags, first call", GUARDED.1),
    ] {
        let figures = measure_filtered(family, way);
        table.row("before 4.13", name, family, &figures, &filtered);
    }
}

/// Takes each sample in a separate process.
fn measure_filtered(family: Family, way: Way) -> Figures {
    let server = server(family);
    let old_kernel = || filter::deny([filter::flags_option()], libc::ENOPROTOOPT);
    let sample = || {
        let (_first, other) = associate(family, &server);
        let (_second, id) = associate(family, &server);
        count::in_child(|| {
            old_kernel();
            // Maps all pages of the child, so that the ticks do not include page faults.
            mlockall(MlockAllFlags::CURRENT).expect("memory");
            drop((BARE_PLAIN.1)(&server, other));
            let allocated = count::allocations();
            let start = count::ticks();
            let own = way(&server, id);
            let end = count::ticks();
            assert_eq!(count::allocations(), allocated);
            drop(own);
            end - start
        })
    };
    let ticks = (0..number(SAMPLES)).map(|_| sample()).collect();
    let (_client, id) = associate(family, &server);
    let calls = count::system_calls(old_kernel, || std::mem::forget(way(&server, id)));
    Figures::new(ticks, 0, calls)
}

fn old_kernel_cached(table: &mut Table, family: Family) {
    let (against, bare, _) = BARE_FLAGS;
    for (name, way) in [(against, bare), ("peeloff_flags, cached", GUARDED.1)] {
        let figures = measure(family, way);
        table.row("before 4.13", name, family, &figures, against);
    }
}
