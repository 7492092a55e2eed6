//! `serve`: echoes, the thresholds, a peer that does not read, and the end of an association.

use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::Signal;

use crate::program::{Server, echo};
use crate::support::message::{Message, receive, send};
use crate::support::{option, wait_until};

#[test]
fn serve_peels_off_after_n_messages_with_after() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let mut server = Server::start(address, "--after 4");
        let (busy, sporadic) = (server.client(), server.client());
        for number in 0..3 {
            echo(&busy, number);
            echo(&sporadic, number);
        }
        assert_eq!(server.count("peeled"), 0);
        echo(&busy, 3);
        let peeled = server.wait_for("peeled");
        assert!(peeled.ends_with("after 4 messages, 36 bytes"), "{peeled}");
        for number in 4..20 {
            echo(&busy, number);
        }
        assert_eq!(server.count("peeled"), 1);
        echo(&sporadic, 3);
        server.wait_for("peeled");
    }
}

#[test]
fn serve_peels_off_after_n_bytes_with_after_bytes() {
    let mut server = Server::start("127.0.0.1:0", "--after-bytes 27");
    let client = server.client();
    echo(&client, 0);
    echo(&client, 1);
    assert_eq!(server.count("peeled"), 0);
    echo(&client, 2);
    let peeled = server.wait_for("peeled");
    assert!(peeled.ends_with("after 3 messages, 27 bytes"), "{peeled}");
    echo(&client, 3);
}

#[test]
fn serve_reports_the_end_of_shared_and_of_peeled_off_associations() {
    for messages in [1, 2] {
        for label in ["closed", "aborted"] {
            let mut server = Server::start("127.0.0.1:0", "--after 2");
            let client = server.client();
            for number in 0..messages {
                echo(&client, number);
            }
            if messages == 2 {
                server.wait_for("peeled");
            }
            if label == "aborted" {
                option::abort_on_close(&client);
            }
            drop(client);
            server.wait_for(label);
        }
    }
}

#[test]
fn serve_peels_off_a_peer_that_does_not_read() {
    let mut server = Server::start("127.0.0.1:0", "--after 1000000");
    let (stalled, other) = (server.client(), server.client());
    ioctl_fionbio(&stalled, true).unwrap();
    let mut sent = 0;
    // A full send buffer of the client does not imply that the server's send buffer is full,
    // because a chunk may be waiting for its retransmission.
    wait_until("the peel-off", || {
        while send(&stalled, &Message::new([7; 1000], 0, 0)).is_ok() {
            sent += 1;
        }
        server.count("peeled") == 1
    });
    assert!(server.seen.last().unwrap().contains("does not read"));
    ioctl_fionbio(&stalled, false).unwrap();
    echo(&other, 1);
    for _ in 0..sent {
        assert_eq!(receive(&stalled).unwrap().data, [7; 1000]);
    }
    echo(&stalled, 2);
}

#[test]
fn serve_shuts_down_all_associations_on_a_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = Server::start("127.0.0.1:0", "--after 2");
        let (shared, peeled) = (server.client(), server.client());
        echo(&peeled, 0);
        echo(&peeled, 1);
        server.wait_for("peeled");
        echo(&shared, 2);
        server.signal(signal);
        for client in [shared, peeled] {
            let end = receive(&client);
            let graceful = match &end {
                Ok(message) => message.data.is_empty(),
                Err(errno) => *errno == Errno::NOTCONN,
            };
            assert!(graceful, "{end:?}");
        }
        let (status, lines) = server.wait();
        assert_eq!(status.code(), Some(0));
        let total = "2 associations, 0 established, 1 peeled off; 3 messages";
        assert!(lines.last().unwrap().contains(total), "{lines:?}");
        assert!(!lines.concat().contains('\x1b'), "{lines:?}");
    }
}
