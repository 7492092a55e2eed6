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

const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/run");

/// A command that starts the runner, with only the environment variables that the runner
/// requires.
fn guest() -> Command {
    let mut command = Command::new(RUNNER);
    command
        .env_clear()
        .env("GUEST_KERNEL", "6.1")
        .stdin(Stdio::null());
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

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
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
fn run_passes_arguments() {
    let arguments = [
        "",
        " ",
        "two words",
        "it's",
        "\"quoted\"",
        "new\nline",
        "tab\t",
        "$HOME `id` $(id)",
        "back\\slash",
        "*",
        "--",
        "-n",
        "a=b",
        "ünïcode",
        "'",
        "''",
        "\\'",
        "ends\n",
    ];
    let output = guest()
        .args(["printf", "%s\\0"])
        .args(arguments)
        .output()
        .unwrap();
    let actual: Vec<_> = text(&output.stdout).split_terminator('\0').collect();
    assert_eq!(actual, arguments, "{}", text(&output.stderr));
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
    let mut actual: Vec<_> = text(&output.stdout)
        .split_terminator('\0')
        .map(String::from)
        .collect();
    let expected = command.get_envs().map(|(name, value)| {
        format!(
            "{}={}",
            name.to_str().unwrap(),
            value.and_then(OsStr::to_str).unwrap()
        )
    });
    let mut expected: Vec<_> = expected.collect();
    actual.sort();
    expected.sort();
    assert_eq!(actual, expected, "{}", text(&output.stderr));
}

#[test]
fn run_passes_working_directory() {
    let folder = Folder::new("it's a folder");
    let output = guest().arg("pwd").current_dir(&folder.0).output().unwrap();
    assert_eq!(text(&output.stdout).trim_end(), folder.0.to_str().unwrap());
}

#[test]
fn run_returns_exit_status_or_128_plus_signal() {
    for (script, status) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -KILL $$", 128 + 9),
        ("kill -SEGV $$", 128 + 11),
        ("exec /no/such/program", 127),
    ] {
        assert_eq!(run(script).status.code(), Some(status), "{script}");
    }
}

#[test]
fn run_executes_the_host_program_if_busybox_has_the_same_name() {
    let script = ["-c", "readlink /proc/$$/exe"];
    let host = Command::new("sh").args(script).output().unwrap();
    assert_eq!(text(&run(script[1]).stdout), text(&host.stdout));
}

/// `env` would parse such a path as a variable, and exit with status 0.
#[test]
fn run_accepts_equals_sign_in_path() {
    let folder = Folder::new("a=b");
    let program = folder.program("program", b"#!/bin/sh\nexit 7\n");
    let output = guest().arg(&program).output().unwrap();
    let stdout = text(&output.stdout);
    assert_eq!((output.status.code(), stdout), (Some(7), ""));
}

#[test]
fn run_succeeds_without_home() {
    let output = guest()
        .env_remove("HOME")
        .args(["sh", "-c", "echo \"${HOME-none}\"; exit 7"])
        .output()
        .unwrap();
    let stdout = text(&output.stdout);
    let stderr = text(&output.stderr);
    assert_eq!(
        (output.status.code(), stdout),
        (Some(7), "none\n"),
        "{stderr}"
    );
}

#[test]
fn run_keeps_stdout_and_stderr_separate() {
    let output = run("echo one; echo two >&2; printf 'no end'; printf three >&2");
    assert_eq!(text(&output.stdout), "one\nno end");
    assert_eq!(text(&output.stderr), "two\nthree");
}

#[test]
fn run_passes_20_000_lines_of_output() {
    let output = run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 20000);
    assert_eq!(lines.last(), Some(&"line 19999"));
}

/// The guest prints a line and waits for a file. The test creates the file after it has read
/// the line.
#[test]
fn run_passes_output_while_the_program_runs() {
    let folder = Folder::new("live");
    for stream in ["", ">&2"] {
        let reply = folder.0.join("reply");
        let script = format!(
            "echo request {stream}; i=0; until [ -e reply ]; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done"
        );
        let mut command = guest();
        command.args(["sh", "-c", &script]).current_dir(&folder.0);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output: Box<dyn Read> = match stream {
            "" => Box::new(child.stdout.take().unwrap()),
            _ => Box::new(child.stderr.take().unwrap()),
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, "request\n");
        fs::write(&reply, "").unwrap();
        assert!(child.wait().unwrap().success());
        fs::remove_file(&reply).unwrap();
    }
}

#[test]
fn run_provides_sctp() {
    assert!(run("grep -q ^SCTP /proc/net/protocols").status.success());
}
