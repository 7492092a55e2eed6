//! The runner: what passes through to a guest and back. These tests run on the
//! host, whatever it has, and start guests themselves.
#![allow(missing_docs)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/run");

/// Its environment is all that the runner itself needs, and what the test adds.
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

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A folder of the test's own, on files that host and guest share.
fn folder(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name} {}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn arguments() {
    let odd = [
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
        .args(odd)
        .output()
        .unwrap();
    let got: Vec<_> = text(&output.stdout).split_terminator('\0').collect();
    assert_eq!(got, odd, "{}", text(&output.stderr));
}

#[test]
fn environment() {
    let mut command = guest();
    command.args(["env", "-0"]);
    for (name, value) in [
        ("ODD", "a 'b' \"c\"\n$d \\e"),
        ("EMPTY", ""),
        ("with.dot", "not a shell's name"),
        ("PWD", "not where we are"),
        ("SHLVL", "41"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let mut got: Vec<_> = text(&output.stdout)
        .split_terminator('\0')
        .map(String::from)
        .collect();
    let given = command.get_envs().map(|(name, value)| {
        format!(
            "{}={}",
            name.to_str().unwrap(),
            value.and_then(OsStr::to_str).unwrap()
        )
    });
    let mut given: Vec<_> = given.collect();
    got.sort();
    given.sort();
    assert_eq!(got, given, "{}", text(&output.stderr));
}

#[test]
fn working_directory() {
    let folder = folder("it's a folder");
    let output = guest().arg("pwd").current_dir(&folder).output().unwrap();
    assert_eq!(text(&output.stdout).trim_end(), folder.to_str().unwrap());
}

#[test]
fn status() {
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
fn streams_are_apart() {
    let output = run("echo one; echo two >&2; printf 'no end'; printf three >&2");
    assert_eq!(text(&output.stdout), "one\nno end");
    assert_eq!(text(&output.stderr), "two\nthree");
}

#[test]
fn much_output_comes_whole() {
    let output = run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 20000);
    assert_eq!(lines.last(), Some(&"line 19999"));
}

/// The guest waits for an answer to its first line: it comes only if the line does.
#[test]
fn streams_are_live() {
    let folder = folder("live");
    for stream in ["", ">&2"] {
        let answer = folder.join("answer");
        let script = format!(
            "echo question {stream}; i=0; until [ -e answer ]; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done"
        );
        let mut command = guest();
        command.args(["sh", "-c", &script]).current_dir(&folder);
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
        assert_eq!(line, "question\n");
        fs::write(&answer, "").unwrap();
        assert!(child.wait().unwrap().success());
        fs::remove_file(&answer).unwrap();
    }
}

#[test]
fn there_is_sctp() {
    assert!(run("grep -q ^SCTP /proc/net/protocols").status.success());
}

#[test]
fn a_guest_without_a_status_is_a_failure() {
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
fn the_time_limit_ends_the_guest() {
    let (child, folder) = long_run(guest().env("GUEST_TIMEOUT", "8"));
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
fn an_interrupt_ends_the_guest() {
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

#[test]
fn an_unknown_kernel_is_refused() {
    let output = guest()
        .env("GUEST_KERNEL", "0.1")
        .arg("true")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69));
    let said = text(&output.stderr);
    for word in ["'0.1'", "5.10", "6.1,", "6.12", "7.2", "qemu"] {
        assert!(said.contains(word), "no '{word}' in: {said}");
    }
}

/// The release of Debian's newest may move on; the others' may not.
#[test]
fn the_kernel_asked_for_is_the_one_that_runs() {
    for (kernel, release) in [("5.10", "5.10."), ("6.1", "6.1."), ("6.12", "6.12.")] {
        let output = guest()
            .env("GUEST_KERNEL", kernel)
            .args(["uname", "-r"])
            .output()
            .unwrap();
        let said = text(&output.stdout);
        assert!(said.starts_with(release), "{kernel}: '{said}'");
    }
}

/// By its ELF header; a processor that no guest has is refused by name.
#[test]
fn a_program_of_an_unknown_processor_is_refused() {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header[18..20].copy_from_slice(&[0x02, 0x01]);
    let program = folder("processor").join("program");
    fs::write(&program, header).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let output = guest().arg(&program).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("ELF 02010201"), "{said}");
}

/// An empty cache, and an apt that reaches nothing.
#[test]
fn without_a_package_the_message_says_what_to_do() {
    let folder = folder("no apt");
    let apt = folder.join("apt-get");
    fs::write(&apt, "#!/bin/sh\necho 'nothing reached' >&2\nexit 100\n").unwrap();
    fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = guest();
    command
        .env("PATH", path)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .arg("true");
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    for word in ["modprobe sctp", "linux-modules-extra", "user-mode-linux"] {
        assert!(said.contains(word), "no '{word}' in: {said}");
    }
}
