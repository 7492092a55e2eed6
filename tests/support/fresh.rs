//! Tests of what a process remembers, each in a process of its own.

use std::fmt::Display;
use std::process::Command;

const FRESH: &str = "IN_A_FRESH_PROCESS";

/// Runs the body in a new process of this test program, which is told to run the
/// one test that has this name.
pub fn process(test: &str, body: impl FnOnce()) {
    process_with(test, &"", body);
}

/// The same for one of several bodies of a test, told apart by a key.
pub fn process_with(test: &str, key: &dyn Display, body: impl FnOnce()) {
    let key = format!("this {key}");
    if let Ok(wanted) = std::env::var(FRESH) {
        if wanted == key {
            body();
        }
        return;
    }
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "--nocapture", test])
        .env(FRESH, key)
        .output()
        .expect("this program, once more");
    let said = String::from_utf8_lossy(&output.stdout);
    let also = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}{also}", output.status);
    print!("{said}");
    assert!(
        said.contains("\nrunning 1 test\n"),
        "'{test}' was not run:\n{said}"
    );
}
