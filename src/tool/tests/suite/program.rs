//! The tool as a program of its own, and what it prints while it runs.
#![allow(dead_code, missing_docs, reason = "each test takes what it needs")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const TOOL: &str = env!("CARGO_BIN_EXE_sctp-peeloff");
/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs it to its end, which is not far.
pub(crate) fn run(args: &[&str]) -> Output {
    Command::new("timeout")
        .args(["60", TOOL])
        .args(args)
        .output()
        .expect("the tool")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// `sctp-peeloff serve` ended when this goes.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// On a free port.
    pub(crate) fn start(ip: &str, options: &[&str]) -> Self {
        let address = format!("{ip}:0");
        let args: Vec<_> = [address.as_str()]
            .into_iter()
            .chain(options.iter().copied())
            .collect();
        Self::serve(&args)
    }

    pub(crate) fn serve(args: &[&str]) -> Self {
        let mut child = Command::new(TOOL)
            .arg("serve")
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tool");
        let lines = follow(child.stdout.take().expect("its output"));
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

    /// The next line that begins with this word, without the word.
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

    /// The number of the lines so far that begin with this word.
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

    /// Its status, and what was not seen yet.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().expect("its end");
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

/// What the other end says until it ends.
pub(crate) fn rest(mut output: impl Read) -> String {
    let mut text = String::new();
    output.read_to_string(&mut text).expect("text");
    text
}
