//! Races between a peel-off and another thread. No descriptor is leaked, and no association is
//! lost without an error. These tests are meaningful only on more than one CPU.

use std::os::fd::OwnedFd;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_send_buffer_size;
use sctp_peeloff::{Error, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};

use crate::support::descriptors::{self, Limit};
use crate::support::message::{Message, receive, send, works};
use crate::support::{
    Family, PATIENCE, assert_matches, associate, associate_many, associated, in_threads, kernel,
    option, process, race_rounds, server, wait_until, wait_until_ended,
};

/// Runs both functions in parallel and starts them at the same time.
fn race<A: Send, B: Send>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            start.wait();
            one()
        });
        start.wait();
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// In hundreds of rounds on more than one CPU, each thread is first at some time.
fn assert_both_orders(orders: [usize; 2]) {
    println!("orders: {orders:?}");
    if orders[0] + orders[1] >= 200 {
        assert!(orders[0] > 0 && orders[1] > 0, "no race: {orders:?}");
    }
}

#[test]
fn peeloff_races_with_peeloff() {
    let rounds = race_rounds(200, 20);
    process::alone(|| {
        let server = server(Family::V4);
        let before = descriptors::open();
        let mut wins = [0, 0];
        for _ in 0..rounds {
            let (client, id) = associate(Family::V4, &server);
            let with_flags = || peeloff_flags(&server, id, PeeloffFlags::CLOEXEC);
            let (first, winner, loser) = match race(with_flags, || peeloff(&server, id)) {
                (Ok(winner), Err(loser)) => (0, winner, loser),
                (Err(loser), Ok(winner)) => (1, winner, loser),
                both => panic!("{both:?}"),
            };
            wins[first] += 1;
            assert_matches!(loser, Error::NoSuchAssociation(lost) if lost == id);
            works(&winner, &client, id);
            assert_eq!(assoc_ids(&winner).unwrap(), [id]);
        }
        assert_both_orders(wins);
        assert_eq!(descriptors::open(), before);
        assert_eq!(assoc_ids(&server).unwrap(), []);
    });
}

/// The peer shuts down gracefully or aborts during the peel-off.
#[test]
fn peeloff_races_with_close_of_the_peer() {
    let rounds = race_rounds(200, 20);
    process::alone(|| {
        let server = server(Family::V4);
        let before = descriptors::open();
        let mut peeled_off = 0;
        for round in 0..rounds {
            let (client, id) = associate(Family::V4, &server);
            if round % 2 == 1 {
                option::abort_on_close(&client);
            }
            let (peeled, ()) = race(|| peeloff(&server, id), || drop(client));
            match peeled {
                Ok(peeled) => {
                    peeled_off += 1;
                    wait_until_ended(&peeled);
                }
                Err(Error::NoSuchAssociation(gone)) => assert_eq!(gone, id),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_both_orders([peeled_off, rounds - peeled_off]);
        assert_eq!(descriptors::open(), before);
        wait_until_ended(&server);
    });
}

/// The one-to-many socket has a second descriptor, which is closed during the peel-off.
#[test]
fn peeloff_races_with_close_of_a_duplicate() {
    let rounds = race_rounds(200, 20);
    process::alone(|| {
        let before = descriptors::open();
        for _ in 0..rounds {
            let (server, client, id) = associated(Family::V4);
            let duplicate = server.try_clone().unwrap();
            let peel_and_close = || {
                let peeled = peeloff_flags(&server, id, PeeloffFlags::CLOEXEC);
                drop(server);
                peeled
            };
            let (peeled, ()) = race(peel_and_close, || drop(duplicate));
            works(&peeled.unwrap(), &client, id);
        }
        assert_eq!(descriptors::open(), before);
    });
}

fn has_room(socket: &OwnedFd) -> bool {
    let now = Timespec::default();
    poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&now)).unwrap() == 1
}

/// A thread is blocked in a send to the association on the one-to-many socket.
#[test]
fn peeloff_races_with_a_blocked_sender() {
    let rounds = race_rounds(200, 20);
    process::alone(|| {
        let before = descriptors::open();
        let mut busy = 0;
        for round in 0..rounds {
            let server = server(Family::V4);
            set_socket_send_buffer_size(&server, 4096).unwrap();
            option::set_words(&server, option::SCTP_NODELAY, &[1]);
            let (client, id) = associate(Family::V4, &server);
            let data = Message::new([0; 1000], 0, 0).to(id);
            let (sent, peeled) = race(
                || loop {
                    // The send buffer fills, and then the send blocks until the peel-off.
                    if let Err(errno) = send(&server, &data) {
                        break errno;
                    }
                },
                || {
                    let start = Instant::now();
                    thread::sleep(Duration::from_micros(round as u64 * 20));
                    if round % 2 == 1 {
                        wait_until("a full buffer", || !has_room(&server));
                    }
                    loop {
                        match peeloff_flags(&server, id, PeeloffFlags::CLOEXEC) {
                            // Old kernels refuse the peel-off until the send has completed. A
                            // read by the client makes room for the send.
                            Err(Error::SenderBlocked) if start.elapsed() < PATIENCE => {
                                busy += 1;
                                receive(&client).unwrap();
                            }
                            result => break result,
                        }
                    }
                },
            );
            let peeled = peeled.unwrap();
            assert_eq!(sent, Errno::PIPE);
            assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
            // Messages that were sent before the peel-off arrive first. The message from the
            // new descriptor follows.
            thread::scope(|scope| {
                scope.spawn(|| send(&peeled, &Message::new("last", 0, 0)).unwrap());
                while receive(&client).unwrap().data != b"last" {}
            });
        }
        let old = kernel::version() < (4, 15);
        assert!(old || busy == 0, "EBUSY {busy} times on a new kernel");
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn peeloff_flags_succeeds_in_eight_threads() {
    let rounds = race_rounds(200, 20);
    process::alone(|| {
        let _limit = Limit::most();
        let server = server(Family::V4);
        let before = descriptors::open();
        for _ in 0..rounds {
            let clients = associate_many(Family::V4, &server, 64);
            let (server, start) = (&server, &Barrier::new(8));
            let peel = |id| peeloff_flags(server, id, PeeloffFlags::CLOEXEC).unwrap();
            let peeled = in_threads(clients.chunks(8).map(|own| {
                move || {
                    start.wait();
                    own.iter().map(|(_, id)| peel(*id)).collect::<Vec<_>>()
                }
            }));
            assert_eq!(assoc_ids(server).unwrap(), []);
            for (peeled, (client, id)) in peeled.iter().flatten().zip(&clients) {
                assert_eq!(assoc_ids(peeled).unwrap(), [*id]);
                works(peeled, client, *id);
            }
        }
        assert_eq!(descriptors::open(), before);
    });
}
