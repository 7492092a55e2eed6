//! Guests that end before their program, and the removal of their processes and files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{RUNNER, guest, run, text};

#[test]
fn run_fails_with_125_if_the_guest_ends_without_a_status() {
    let output = run("echo o >/proc/sysrq-trigger; sleep 20");
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("without a status"),
        "{}",
        text(&output.stderr)
    );
}

/// Starts a guest with a program that runs for a minute and waits until the program runs.
/// Returns the runner and the run folder, which is in the guest kernel's command line.
fn start_long_run(command: &mut Command) -> (Child, String) {
    command.args(["sh", "-c", "cat /proc/cmdline; sleep 60"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let at = line
        .find("/tmp/sctp-peeloff.")
        .unwrap_or_else(|| panic!("no run folder in '{line}'"));
    let folder = line[at..].split('/').take(3).collect::<Vec<_>>().join("/");
    (child, folder)
}

/// Checks that the run folder does not exist, and that the guest's processes end.
fn assert_nothing_is_left(folder: &str) {
    assert!(!Path::new(folder).exists(), "{folder} still exists");
    let start = Instant::now();
    while let Some(process) = process_with(folder) {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "process {process} still runs"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The id of a process whose arguments contain this text.
fn process_with(argument: &str) -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut matching = processes.filter(|process| {
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(argument)
    });
    Some(matching.next()?.file_name().to_string_lossy().into_owned())
}

#[test]
fn run_fails_with_124_at_the_time_limit_and_ends_the_guest() {
    let (child, folder) = start_long_run(guest().env("GUEST_TIMEOUT", "15"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(124));
    assert!(
        text(&output.stderr).contains("GUEST_TIMEOUT"),
        "{}",
        text(&output.stderr)
    );
    assert_nothing_is_left(&folder);
}

#[test]
fn run_ends_the_guest_on_sigint_and_sigterm() {
    use rustix::process::{Pid, Signal, kill_process};
    for (signal, name, status) in [(Signal::INT, "INT", 130), (Signal::TERM, "TERM", 143)] {
        // A shell cannot trap a signal that was ignored when the shell started.
        let runner = guest();
        let mut command = Command::new("env");
        command
            .args([&format!("--default-signal={name}"), RUNNER])
            .env_clear();
        command.envs(
            runner
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let (child, folder) = start_long_run(&mut command);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{}",
            text(&output.stderr)
        );
        assert_nothing_is_left(&folder);
    }
}
