//! Programs from Debian packages.

use std::path::PathBuf;
use std::process::Command;

use crate::program::run_command;
use crate::support::process;

/// Returns a command that runs the installed program. If the program is not installed, the
/// command runs the copy that `tests/guest/needs` has fetched, with the libraries from the
/// given packages.
pub(crate) fn command(program: &str, package: &str, libraries: &str) -> Command {
    if Command::new(program).arg("--version").output().is_ok() {
        return Command::new(program);
    }
    let folders = libraries
        .split(' ')
        .flat_map(|library| ["usr/lib", "lib"].map(|part| fetched(library).join(part)))
        .map(|folder| folder.join("x86_64-linux-gnu"));
    let path = std::env::join_paths(folders).expect("a search path");
    let mut command = Command::new(fetched(package).join("usr/bin").join(program));
    command.env("LD_LIBRARY_PATH", path);
    command
}

fn fetched(package: &str) -> PathBuf {
    let fetch = process::file("tests/guest/fetch");
    let (folder, _) = run_command(Command::new(fetch).args(["bookworm", package]), 0);
    PathBuf::from(folder.trim_end())
}
