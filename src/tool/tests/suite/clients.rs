//! `serve` with clients that others wrote.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::program::{Server, rest, text};
use crate::support::process;

/// This machine's own program, or the one that the runner has fetched.
fn program(package: &str) -> Command {
    let own = Command::new(package).arg("-V").output().is_ok();
    if own {
        return Command::new(package);
    }
    let libraries = [
        "liblua5.3-0",
        "libpcap0.8",
        "libwrap0",
        "libssl3",
        "libdbus-1-3",
    ];
    let path: Vec<_> = libraries
        .iter()
        .flat_map(|library| ["usr/lib", "lib"].map(|part| fetched(library).join(part)))
        .map(|folder| folder.join("x86_64-linux-gnu"))
        .collect();
    let mut command = Command::new(fetched(package).join("usr/bin").join(package));
    command.env(
        "LD_LIBRARY_PATH",
        std::env::join_paths(path).expect("a path"),
    );
    command
}

fn fetched(package: &str) -> PathBuf {
    let fetch = process::file("tests/guest/fetch");
    let output = Command::new(fetch).args(["bookworm", package]).output();
    let output = output.expect("the fetched folder");
    assert!(output.status.success(), "{output:?}");
    PathBuf::from(text(&output.stdout).trim_end())
}

fn start(mut command: Command) -> Child {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("the client")
}

/// Three lines before the peel-off, two after it. Each waits for the echo of the
/// one before, since a client may send two that it reads at once as one message.
fn five_lines(client: Command, server: &mut Server) {
    let mut client = start(client);
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
    assert_eq!(rest(output), "");
    assert!(client.wait().expect("its end").success());
    let gone = server.wait_for("gone");
    assert!(gone.ends_with("after 5 messages, 35 bytes"), "{gone}");
}

#[test]
fn serve_echoes_to_ncat() {
    for ip in ["127.0.0.1", "[::1]"] {
        let mut server = Server::start(ip, &["--after", "3"]);
        let mut client = program("ncat");
        client.arg("--sctp").arg(server.address.ip().to_string());
        client.arg(server.address.port().to_string());
        five_lines(client, &mut server);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().0.code(), Some(0));
    }
}

#[test]
fn serve_echoes_to_socat() {
    for ip in ["127.0.0.1", "[::1]"] {
        let mut server = Server::start(ip, &["--after", "3"]);
        let mut client = program("socat");
        client.args(["-t", "1", "-"]);
        client.arg(format!("SCTP-CONNECT:{}", server.address));
        five_lines(client, &mut server);
        server.signal(Signal::INT);
        assert_eq!(server.wait().0.code(), Some(0));
    }
}
