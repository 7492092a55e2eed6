//! How a guest ends before its program does, and that nothing is left of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{RUNNER, guest, run, text};

#[test]
fn run_fails_without_a_status() {
    let output = run("echo o >/proc/sysrq-trigger; sleep 20");
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("without a status"),
        "{}",
        text(&output.stderr)
    );
}

/// Starts a guest that would run for long, and waits until it runs. Its kernel's
/// command line names the folder of the run.
fn long_run(command: &mut Command) -> (Child, String) {
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
        .unwrap_or_else(|| panic!("no folder in '{line}'"));
    let folder = line[at..].split('/').take(3).collect::<Vec<_>>().join("/");
    (child, folder)
}

fn nothing_is_left(folder: &str) {
    assert!(!Path::new(folder).exists(), "{folder} is left");
    let start = Instant::now();
    while let Some(process) = process_with(folder) {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "process {process} is left"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn process_with(word: &str) -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut named = processes.filter(|process| {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(word)
    });
    Some(named.next()?.file_name().to_string_lossy().into_owned())
}

#[test]
fn run_ends_the_guest_at_the_time_limit() {
    let (child, folder) = long_run(guest().env("GUEST_TIMEOUT", "15"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(124));
    assert!(
        text(&output.stderr).contains("GUEST_TIMEOUT"),
        "{}",
        text(&output.stderr)
    );
    nothing_is_left(&folder);
}

#[test]
fn run_ends_the_guest_at_an_interrupt() {
    use rustix::process::{Pid, Signal, kill_process};
    for (signal, name, status) in [(Signal::INT, "INT", 130), (Signal::TERM, "TERM", 143)] {
        // A shell cannot trap what was ignored when it started.
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
        let (child, folder) = long_run(&mut command);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{}",
            text(&output.stderr)
        );
        nothing_is_left(&folder);
    }
}
