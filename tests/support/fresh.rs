//! Tests of what a process remembers, each in a process of its own.

use std::process::Command;

const FRESH: &str = "IN_A_FRESH_PROCESS";

/// Runs the body in a new process of this test program, which is told to run the
/// one test that has this name.
pub fn process(test: &str, body: impl FnOnce()) {
    if std::env::var_os(FRESH).is_some() {
        return body();
    }
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test])
        .env(FRESH, "1")
        .output()
        .expect("this program, once more");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}", output.status);
    assert!(
        said.contains("\nrunning 1 test\n"),
        "'{test}' was not run:\n{said}"
    );
}
