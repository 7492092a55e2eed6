//! The tool as a child process, and its output while it runs.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::PATIENCE;
use crate::support::filter::{Call, deny};

pub(crate) const TOOL: &str = env!("CARGO_BIN_EXE_sctp-peeloff");

/// System calls that fail with this errno. Only the tool is affected.
pub(crate) type Denied = (Vec<Call>, i32);

/// Runs the tool until it exits.
pub(crate) fn run(args: &[&str]) -> Output {
    run_denied([], Command::new(TOOL).args(args))
}

/// Runs a command until it exits. The system calls are denied only to the command.
pub(crate) fn run_denied(
    denied: impl IntoIterator<Item = Denied> + Send,
    command: &mut Command,
) -> Output {
    with_denied(denied, || command.output().expect("the tool"))
}

/// Starts a child process from a thread on which the system calls are denied.
fn with_denied<T: Send>(
    denied: impl IntoIterator<Item = Denied> + Send,
    start: impl FnOnce() -> T + Send,
) -> T {
    let start = || {
        for (calls, errno) in denied {
            deny(calls, errno);
        }
        start()
    };
    thread::scope(|scope| scope.spawn(start).join().expect("no panic"))
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
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
    /// Starts a server on a free port.
    pub(crate) fn start(ip: &str, options: &[&str]) -> Self {
        Self::start_denied([], ip, options)
    }

    /// Starts a server on a free port, with denied system calls.
    pub(crate) fn start_denied(
        denied: impl IntoIterator<Item = Denied> + Send,
        ip: &str,
        options: &[&str],
    ) -> Self {
        let mut command = Command::new(TOOL);
        command.arg("serve").arg(format!("{ip}:0")).args(options);
        Self::from_command(denied, command)
    }

    pub(crate) fn from_command(
        denied: impl IntoIterator<Item = Denied> + Send,
        mut command: Command,
    ) -> Self {
        command.stdout(Stdio::piped());
        let mut child = with_denied(denied, || command.spawn().expect("the tool"));
        let lines = follow(child.stdout.take().expect("a pipe"));
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
        let label = format!("{label} ");
        self.seen
            .iter()
            .filter(|line| line.starts_with(&label))
            .count()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal");
    }

    /// Waits until the process exits. Returns its status and the remaining lines.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().expect("an exit status");
        let rest = self.lines.iter().collect();
        (status, rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends each line of the output to a channel.
fn follow(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Reads until end-of-file.
pub(crate) fn read_all(mut output: impl Read) -> String {
    let mut text = String::new();
    output.read_to_string(&mut text).expect("text");
    text
}
