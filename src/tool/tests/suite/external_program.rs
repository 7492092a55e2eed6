//! Programs from Debian packages.

use std::path::PathBuf;
use std::process::Command;

use crate::program::text;
use crate::support::process;

/// Returns a command that runs the installed program. If the program is not installed, the
/// command runs the copy that `tests/guest/needs` has fetched, with the libraries from the
/// given packages.
pub(crate) fn command(program: &str, package: &str, libraries: &[&str]) -> Command {
    if Command::new(program).arg("--version").output().is_ok() {
        return Command::new(program);
    }
    let folders = libraries
        .iter()
        .flat_map(|library| ["usr/lib", "lib"].map(|part| fetched(library).join(part)))
        .map(|folder| folder.join("x86_64-linux-gnu"));
    let path = std::env::join_paths(folders).expect("a search path");
    let mut command = Command::new(fetched(package).join("usr/bin").join(program));
    command.env("LD_LIBRARY_PATH", path);
    command
}

fn fetched(package: &str) -> PathBuf {
    let fetch = process::file("tests/guest/fetch");
    let output = Command::new(fetch).args(["bookworm", package]).output();
    let output = output.expect("the folder of the package");
    assert!(output.status.success(), "{output:?}");
    PathBuf::from(text(&output.stdout).trim_end())
}
