//! Runs the body of a test in a separate process or in a guest.
//!
//! The tests of a program are threads of one process. A test that counts or changes state of
//! the process (descriptors, limits, the cached fallback, the root directory) runs its body in
//! a separate process. A test that changes state of the system (sysctls, mounts, cgroups,
//! namespaces) runs its body in a guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

#[cfg(target_os = "linux")]
use super::filter;

/// The environment variable with the name of the test whose body runs in this process.
const TEST: &str = "SCTP_PEELOFF_TEST";
/// The exit status if the body has returned. The status is different if the body panics or
/// if the test is not found.
const DONE: i32 = 42;

/// Runs the body of this test in a separate process.
pub fn alone(body: impl FnOnce()) {
    run(body, Command::new);
}

/// Runs the body of this test in a separate process in a guest. If this process is in a
/// guest, the body runs in the same guest.
pub fn in_guest(body: impl FnOnce()) {
    let command: fn(PathBuf) -> Command = if is_guest() { Command::new } else { guest };
    run(body, command);
}

/// Runs the body of this test in a guest whose kernel does not have `sctp` or `ipv6`.
pub fn in_guest_without(feature: &str, body: impl FnOnce()) {
    run(body, |program| {
        let mut guest = guest(program);
        guest.env("GUEST_WITHOUT", feature);
        guest
    });
}

/// Runs the other tests on a simulated kernel without `SCTP_SOCKOPT_PEELOFF_FLAGS`. If the
/// command line selects tests, runs only the selected tests. The modules that the option has
/// no part in are left out unless `SUITE_FULL` is 1.
#[cfg(target_os = "linux")]
pub fn rerun_on_old_kernel(unaffected: &[&str]) {
    let test = test_name();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let is_full = std::env::var_os("SUITE_FULL").is_some_and(|value| value == "1");
    let unaffected = if is_full { &[] } else { unaffected };
    // With --exact, --skip has no effect on the tests of a module.
    let is_exact = std::env::args().any(|word| word == "--exact");
    let is_left_out = |word: &str| unaffected.iter().any(|module| word.starts_with(module));
    let is_selected = |word: &String| !(test.contains(word) || is_exact && is_left_out(word));
    command.args(std::env::args().skip(1).filter(is_selected));
    command.args(unaffected.iter().flat_map(|module| ["--skip", module]));
    // The full numbers of repetitions apply only to the kernel without the filter.
    command.args(["--skip", &test]).env_remove("SUITE_FULL");
    filter::denied([filter::flags_option()], libc::ENOPROTOOPT, || {
        ends_with(0, &mut command);
    });
}

fn run(body: impl FnOnce(), command: impl FnOnce(PathBuf) -> Command) {
    let test = test_name();
    if std::env::var(TEST).is_ok_and(|name| name == test) {
        body();
        std::process::exit(DONE);
    }
    let mut command = command(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "--nocapture", &test])
        .env(TEST, test);
    ends_with(DONE, &mut command);
}

/// A command that runs only the current test in a new process.
pub fn this_test() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "--nocapture", &test_name()]);
    command
}

fn test_name() -> String {
    let thread = thread::current();
    let name = thread.name().expect("a test's thread has the test's name");
    name.to_owned()
}

fn ends_with(status: i32, command: &mut Command) {
    let output = command.output().expect("the child process");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    print!("{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{}", output.status);
}

/// A command that runs the program in a guest.
fn guest(program: PathBuf) -> Command {
    let mut command = Command::new(file("tests/guest/run"));
    command.env("GUEST_KERNEL", "guest").arg(program);
    command
}

/// Whether this process is in a guest. The command line of a guest's first process contains
/// the name of the harness's temporary folder.
pub fn is_guest() -> bool {
    let init = fs::read("/proc/1/cmdline").unwrap_or_default();
    String::from_utf8_lossy(&init).contains("/sctp-peeloff.")
}

/// The path of a file of the repository. The name may be relative to this package or to a
/// folder above it.
pub fn file(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|folder| folder.join(name));
    folders.find(|file| file.exists()).expect(name)
}
