//! Tests that need a process, or a guest, of their own.
//!
//! The tests of a program are threads of one process. A test that counts or changes
//! what belongs to the process (descriptors, limits, the cached fallback, the root
//! folder) runs its body in a process of its own. A test that changes what belongs to
//! the system (sysctls, mounts, control groups, namespaces) runs it in a guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

#[cfg(target_os = "linux")]
use super::filter;

/// The variable that names the test whose body is to run in this process.
const TEST: &str = "SCTP_PEELOFF_TEST";
/// The exit status after a body that returned. One that panics, or that is not
/// found, has another.
const DONE: i32 = 42;

/// Runs the body of this test in a process of its own.
pub fn alone(body: impl FnOnce()) {
    run(body, Command::new);
}

/// Runs the body of this test in a process of its own in a guest, which is this
/// machine if it is one.
pub fn in_guest(body: impl FnOnce()) {
    run(body, |program| {
        if is_guest() {
            Command::new(program)
        } else {
            guest(program)
        }
    });
}

/// The same in a guest whose kernel lacks `sctp` or `ipv6`.
pub fn in_guest_without(feature: &str, body: impl FnOnce()) {
    run(body, |program| {
        let mut guest = guest(program);
        guest.env("GUEST_WITHOUT", feature);
        guest
    });
}

/// Runs the other tests, or those that were asked for with this one, on a kernel without
/// `SCTP_SOCKOPT_PEELOFF_FLAGS`.
#[cfg(target_os = "linux")]
pub fn rerun_on_old_kernel() {
    let test = test_name();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let words = std::env::args().skip(1);
    command.args(words.filter(|word| !test.contains(word)));
    command.args(["--skip", &test]);
    let rerun = || {
        filter::deny([filter::flags_option()], libc::ENOPROTOOPT);
        ends_with(0, &mut command);
    };
    thread::scope(|scope| scope.spawn(rerun).join().expect("no panic"));
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

/// This program, to run the same test again.
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
    let output = command.output().expect("this program, once more");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    print!("{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{}", output.status);
}

/// The program under the runner, which then takes a guest.
fn guest(program: PathBuf) -> Command {
    let mut command = Command::new(file("tests/guest/run"));
    command.env("GUEST_KERNEL", "guest").arg(program);
    command
}

/// The first process of a guest is named after the folder of its run.
pub fn is_guest() -> bool {
    let init = fs::read("/proc/1/cmdline").unwrap_or_default();
    String::from_utf8_lossy(&init).contains("/sctp-peeloff.")
}

/// The file of the repository that has this name, from each of its packages.
pub fn file(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|folder| folder.join(name));
    folders.find(|file| file.exists()).expect(name)
}
