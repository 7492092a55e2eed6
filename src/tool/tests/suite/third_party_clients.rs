//! `serve` with third-party clients.

use std::io::{BufRead, BufReader, Write, read_to_string};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::external_program;
use crate::program::Server;

/// Sends three lines before the peel-off and two lines after it. Waits for each echo, because
/// otherwise the client could send two lines in one message.
fn serve_echoes_lines(signal: Signal, client: impl Fn(SocketAddr) -> Command) {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let mut server = Server::start(address, "--after 3");
        let mut client = client(server.address);
        client.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = client.spawn().expect("the client");
        let mut input = client.stdin.take().expect("a pipe");
        let mut output = BufReader::new(client.stdout.take().expect("a pipe"));
        server.wait_for("up");
        for number in 1..=5 {
            let line = format!("line {number}\n");
            input.write_all(line.as_bytes()).expect("a reader");
            let mut echo = String::new();
            output.read_line(&mut echo).expect("an echo");
            assert_eq!(echo, line);
            if number == 3 {
                let peeled = server.wait_for("peeled");
                assert!(peeled.ends_with("after 3 messages, 21 bytes"), "{peeled}");
            }
        }
        drop(input);
        assert_eq!(read_to_string(output).expect("text"), "");
        assert!(client.wait().expect("an exit status").success());
        let closed = server.wait_for("closed");
        assert!(closed.ends_with("after 5 messages, 35 bytes"), "{closed}");
        server.signal(signal);
        assert_eq!(server.wait().0.code(), Some(0));
    }
}

#[test]
fn serve_echoes_lines_from_ncat() {
    serve_echoes_lines(Signal::TERM, |server| {
        let libraries = "liblua5.3-0 libpcap0.8 libssl3 libdbus-1-3";
        let mut client = external_program::command("ncat", "ncat", libraries);
        client.arg("--sctp").arg(server.ip().to_string());
        client.arg(server.port().to_string());
        client
    });
}

#[test]
fn serve_echoes_lines_from_socat() {
    serve_echoes_lines(Signal::INT, |server| {
        let mut client = external_program::command("socat", "socat", "libwrap0 libssl3");
        client.args(["-t", "1", "-"]);
        client.arg(format!("SCTP-CONNECT:{server}"));
        client
    });
}
