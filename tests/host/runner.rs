//! The runner `tests/guest/run`: the data that it passes to a guest and back. These tests
//! run on the host, with or without SCTP, and start guests themselves.
mod guest_end;
mod kernel_choice;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::text;

pub(crate) const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/run");

/// A command that starts the runner.
fn guest() -> Command {
    command(RUNNER)
}

/// A command with only the environment variables that the runner requires.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("GUEST_KERNEL", "6.1");
    command.stdin(Stdio::null());
    for name in ["PATH", "HOME", "XDG_CACHE_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn run(script: &str) -> Output {
    guest().args(["sh", "-c", script]).output().unwrap()
}

/// Checks the exit status, and that standard error contains these words.
fn assert_ended(output: &Output, status: i32, words: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in: {stderr}");
    }
}

/// A folder for one test, which host and guest share. It is removed on drop.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let own = format!("{name} {}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(own);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Writes an executable file to the folder.
    pub(crate) fn program(&self, name: &str, content: &[u8]) -> PathBuf {
        let program = self.0.join(name);
        fs::write(&program, content).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn run_passes_arguments_and_accepts_equals_sign_in_path() {
    let arguments = [
        "", " ", "a b", "it's", "\"q\"", "a\nb", "tab\t", "$HOME", "`id`", "$(id)", "a\\b", "*",
        "--", "-n", "a=b", "ünï", "'", "''", "\\'", "ends\n",
    ];
    // `env` would parse such a path as a variable, and exit with status 0.
    let folder = Folder::new("a=b");
    let program = folder.program("program", b"#!/bin/sh\nprintf '%s\\0' \"$@\"; exit 7\n");
    let output = guest().arg(&program).args(arguments).output().unwrap();
    let actual: Vec<_> = text(&output.stdout).split_terminator('\0').collect();
    assert_eq!(actual, arguments, "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn run_passes_environment() {
    let mut command = guest();
    command.args(["env", "-0"]);
    for (name, value) in [
        ("ODD", "a 'b' \"c\"\n$d \\e"),
        ("EMPTY", ""),
        ("with.dot", "not a valid shell variable"),
        ("PWD", "not the working directory"),
        ("SHLVL", "41"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let mut actual: Vec<_> = text(&output.stdout).split_terminator('\0').collect();
    let expected = command.get_envs().map(|(name, value)| {
        let value = value.and_then(OsStr::to_str).unwrap();
        format!("{}={value}", name.to_str().unwrap())
    });
    let mut expected: Vec<_> = expected.collect();
    actual.sort_unstable();
    expected.sort_unstable();
    assert_eq!(actual, expected, "{}", text(&output.stderr));
}

#[test]
fn run_divides_a_large_test_program_between_two_guests() {
    let folder = Folder::new("halves");
    fs::create_dir_all(folder.0.join("deps")).unwrap();
    let script = "#!/bin/sh\nif [ $1 = --list ]; then printf '%s: test\\n' a b c; exit; fi\n\
        echo $*; case $* in *$FAILED*) exit 7; esac\n";
    let suite = folder.program("deps/suite-1", script.as_bytes());
    for (failed, status) in [("a", 7), ("c", 7), ("d", 0)] {
        let output = guest().env("FAILED", failed).arg(&suite).output().unwrap();
        assert_eq!(text(&output.stdout), "--exact a\n--exact b c\n");
        assert_eq!(output.status.code(), Some(status), "{failed}");
    }
}

#[test]
fn run_returns_exit_status_or_128_plus_signal() {
    for (script, status) in [("kill -KILL $$", 128 + 9), ("exec /no/such/program", 127)] {
        assert_eq!(run(script).status.code(), Some(status), "{script}");
    }
}

#[test]
fn run_succeeds_without_home() {
    let mut command = guest();
    command.env_remove("HOME");
    command.args(["sh", "-c", "echo \"${HOME-none}\"; exit 255"]);
    let output = command.output().unwrap();
    assert_ended(&output, 255, &[]);
    assert_eq!(text(&output.stdout), "none\n");
}

/// The program is the host's, even if busybox has one of the same name.
#[test]
fn run_provides_sctp_and_passes_working_directory_and_streams() {
    let which = ["-c", "readlink /proc/$$/exe"];
    let host = Command::new("sh").args(which).output().unwrap();
    let folder = Folder::new("it's a folder");
    let script = "grep -q ^SCTP /proc/net/protocols || exit; pwd; readlink /proc/$$/exe; \
        echo one >&2; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; \
        printf 'no end'; printf two >&2";
    let mut command = guest();
    command.args(["sh", "-c", script]).current_dir(&folder.0);
    let output = command.output().unwrap();
    assert_eq!(text(&output.stderr), "one\ntwo");
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines[0], folder.0.to_str().unwrap());
    assert_eq!(lines[1], text(&host.stdout).trim_end());
    assert_eq!((lines.len(), lines[20001]), (20003, "line 19999"));
    assert!(output.stdout.ends_with(b"\nno end"));
}

/// The guest prints a line to each stream and waits for a file after each line. The test
/// creates the file after it has read the line.
#[test]
fn run_passes_output_while_the_program_runs() {
    let folder = Folder::new("live");
    let script = "wait_for() { i=0; until [ -e $1 ]; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done; }; \
        echo request; wait_for one; echo request >&2; wait_for two";
    let mut command = guest();
    command.args(["sh", "-c", script]).current_dir(&folder.0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout: Box<dyn Read> = Box::new(child.stdout.take().unwrap());
    let stderr: Box<dyn Read> = Box::new(child.stderr.take().unwrap());
    for (stream, reply) in [(stdout, "one"), (stderr, "two")] {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert_eq!(line, "request\n");
        fs::write(folder.0.join(reply), "").unwrap();
    }
    assert!(child.wait().unwrap().success());
}
