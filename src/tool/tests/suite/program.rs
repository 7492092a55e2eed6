//! The tool as a child process, its output while it runs, and clients of `serve`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::net::{self, SocketType};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::message::{Message, receive, send};
use crate::support::{FAMILIES, PATIENCE, option, socket};

pub(crate) const TOOL: &str = env!("CARGO_BIN_EXE_sctp-peeloff");

/// Runs the tool with these words as its arguments. Returns its standard output and its
/// standard error.
pub(crate) fn run(args: &str, status: i32) -> (String, String) {
    run_command(Command::new(TOOL).args(args.split_whitespace()), status)
}

/// Runs a command until it exits, and checks the exit status.
pub(crate) fn run_command(command: &mut Command, status: i32) -> (String, String) {
    let output = command.output().expect("a program");
    assert_eq!(
        output.status.code(),
        Some(status),
        "{command:?}: {output:?}"
    );
    let [out, err] = [output.stdout, output.stderr];
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(out), text(err))
}

#[track_caller]
pub(crate) fn expect_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

/// A running `sctp-peeloff serve`. Dropping this value kills the process.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// The lines that have been read.
    pub(crate) seen: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(address: &str, options: &str) -> Self {
        let mut command = Command::new(TOOL);
        command
            .args(["serve", address])
            .args(options.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the tool");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut lines = output.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        let mut server = Self {
            child,
            lines,
            seen: Vec::new(),
            address: ([0, 0, 0, 0], 0).into(),
        };
        let line = server.wait_for("server");
        let address = line.split([' ', ',']).find_map(|word| word.parse().ok());
        server.address = address.expect("an address");
        server.wait_for("option");
        server
    }

    /// Connects a client, and waits until the server has printed this.
    pub(crate) fn client(&mut self) -> OwnedFd {
        let family = FAMILIES[usize::from(self.address.is_ipv6())];
        let client = socket(family, SocketType::STREAM);
        option::receive_info(&client);
        net::connect(&client, &self.address).unwrap();
        self.wait_for("up");
        client
    }

    /// Waits for a line with this label. Returns the line without the label.
    pub(crate) fn wait_for(&mut self, label: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| {
                panic!("no '{label}' ({error}) after:\n{}", self.seen.join("\n"))
            });
            self.seen.push(line.clone());
            if let Some(rest) = line.strip_prefix(&format!("{label} ")) {
                return rest.trim().to_owned();
            }
        }
    }

    /// The number of lines with this label so far.
    pub(crate) fn count(&mut self, label: &str) -> usize {
        self.seen.extend(self.lines.try_iter());
        let labels = self.seen.iter().map(|line| line.split(' ').next());
        labels.filter(|found| *found == Some(label)).count()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal");
    }

    /// Stops the server. Returns the line with the totals.
    pub(crate) fn total(&mut self) -> String {
        self.signal(Signal::TERM);
        self.wait_for("total")
    }

    /// Waits until the process exits. Returns its status and the remaining lines.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().expect("an exit status");
        (status, self.lines.iter().collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a message. Expects its echo on the same stream and with the same PPID.
pub(crate) fn echo(client: &OwnedFd, number: u16) {
    let data = format!("message {number}");
    let sent = Message::new(data, number % 10, 77 + u32::from(number));
    send(client, &sent).unwrap();
    // The client's id of the association differs from the server's.
    assert_eq!(receive(client).unwrap().to(sent.assoc), sent);
}
