//! Guests that end before their program, and the removal of their processes and files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{RUNNER, assert_ended, command, guest, run};
use crate::support::wait_until;

#[test]
fn run_fails_with_125_if_the_guest_ends_without_a_status() {
    let output = run("echo o >/proc/sysrq-trigger; sleep 20");
    assert_ended(&output, 125, &["without a status"]);
}

/// Starts a guest with a program that runs for a minute and waits until the program runs.
/// Returns the runner and the run folder, which is in the guest kernel's command line.
fn start_long_run(command: &mut Command) -> (Child, String) {
    command.args(["sh", "-c", "cat /proc/cmdline; sleep 60"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let at = line.find("/tmp/sctp-peeloff.").expect("a run folder");
    let folder = line[at..].split('/').take(3).collect::<Vec<_>>().join("/");
    (child, folder)
}

/// Checks that the run folder does not exist, and that the guest's processes end.
fn assert_nothing_is_left(folder: &str) {
    assert!(!Path::new(folder).exists(), "{folder} still exists");
    wait_until("the guest's processes to end", || {
        let mut processes = fs::read_dir("/proc").unwrap().flatten();
        let is_left = processes.any(|process| {
            let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(folder)
        });
        !is_left
    });
}

#[test]
fn run_fails_with_124_at_the_time_limit_and_ends_the_guest() {
    let (child, folder) = start_long_run(guest().env("GUEST_TIMEOUT", "15"));
    let output = child.wait_with_output().unwrap();
    assert_ended(&output, 124, &["GUEST_TIMEOUT"]);
    assert_nothing_is_left(&folder);
}

#[test]
fn run_ends_the_guest_on_sigint_and_sigterm() {
    for (signal, name, status) in [(Signal::INT, "INT", 130), (Signal::TERM, "TERM", 143)] {
        // A shell cannot trap a signal that was ignored when the shell started.
        let mut command = command("env");
        command.args([&format!("--default-signal={name}"), RUNNER]);
        let (child, folder) = start_long_run(&mut command);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_ended(&output, status, &[]);
        assert_nothing_is_left(&folder);
    }
}
