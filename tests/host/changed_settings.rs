//! The tests leave no lasting changes on a host whose kernel has SCTP, even if they run as
//! root or are killed. A guest represents the host.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::runner::Folder;
use crate::support::process;
use crate::{cargo, text};

/// Runs test programs and compares the settings of the host with those at the start. The
/// arguments are the folder of this test and the programs. The settings are sysctls, except
/// counters and random values, and mounts, modules, interfaces, namespaces, cgroups and shared
/// memory. They are compared while a program runs, after it has ended, and after SIGKILL.
/// Each program must report that some of its tests require a guest.
const SCRIPT: &str = r#"
set -eu
cd "$1"; shift
# Tests that require a guest fail, because process 1 is not a guest's init, the cache is
# empty and no mirror is reachable.
echo a host >init; mount --bind init /proc/1/cmdline
mkdir -p bin groups; printf '#!/bin/sh\nexit 100\n' >bin/apt-get; chmod +x bin/apt-get
export XDG_CACHE_HOME=$PWD/cache PATH=$PWD/bin:$PATH RUST_TEST_THREADS=1 RUST_BACKTRACE=0
mount -t cgroup2 none groups

settings() {
    find /proc/sys -type f ! -path '*/kernel/random/*' ! -name file-nr ! -name 'inode-*' \
        ! -name dentry-state ! -name ns_last_pid -exec grep -s '' {} + | sort
    cat /proc/mounts; cut -d ' ' -f 1 /proc/modules; cut -d : -f 1 /proc/net/dev
    find groups -type d; ls /dev/shm
    readlink /proc/[0-9]*/ns/net /proc/[0-9]*/ns/mnt 2>/dev/null | sort -u
}
same() { settings >now; diff before now || { echo "changed $1"; exit 1; }; }

settings >before
for program; do
    name=${program##*/}
    "$program" $FILTERS >"$name.out" 2>&1 &
    while kill -0 $! 2>/dev/null; do same "while $name runs"; sleep 0.5; done
    wait $! || true
    same "after $name"
    grep '^test result' "$name.out" | tail -n 1
    setsid "$program" $FILTERS >"$name.killed" 2>&1 &
    until grep -q '^test ' "$name.killed"; do sleep 0.1; done
    kill -KILL -$!; status=0; wait $! || status=$?; [ $status = 137 ]
    same "after SIGKILL of $name"
    grep -l 'No kernel with SCTP is available' "$name.out"
done
echo unchanged
"#;

/// Builds the test programs of the library and of the tool.
fn programs() -> Vec<String> {
    let tests = ["--test", "suite", "--test", "tool"];
    let build = ["test", "--workspace", "--no-run", "--color", "never"];
    let output = cargo(&[&build[..], &tests].concat());
    let lines = text(&output.stderr).lines();
    lines
        .filter(|line| line.contains("Executable"))
        .filter_map(|line| line.rsplit_once('(')?.1.strip_suffix(')'))
        .map(|path| process::file(path).to_str().unwrap().to_owned())
        .collect()
}

/// Runs the programs with test filters in a guest that represents a host.
fn run_as_on_host(name: &str, filters: &str, programs: &[String]) -> Output {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new(process::file("tests/guest/run"))
        .env("GUEST_KERNEL", "guest")
        .env("FILTERS", filters)
        .args(["sh", "-c", SCRIPT, "sh", folder.to_str().unwrap()])
        .args(programs)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn tests_leave_the_settings_of_a_host_unchanged() {
    // These filters select tests that require a guest, among others.
    let filters = "errors::descriptor_limit errors::out_of_memory errors::sockets check::";
    let programs = programs();
    assert_eq!(programs.len(), 2, "{programs:?}");
    let output = run_as_on_host("host", filters, &programs);
    assert!(output.status.success(), "{}", output.status);
    assert!(output.stdout.ends_with(b"unchanged\n"));
}

#[test]
fn comparison_of_settings_fails_if_a_program_changes_a_setting() {
    for change in ["echo 17 >/proc/sys/net/sctp/rto_min", "mkdir groups/left"] {
        let folder = Folder::new("change");
        let program = folder.program("program", format!("#!/bin/sh\n{change}\n").as_bytes());
        let program = program.to_str().unwrap().to_owned();
        let output = run_as_on_host("changed host", "", &[program]);
        assert_eq!(output.status.code(), Some(1), "{change}");
        assert!(text(&output.stdout).contains("\nchanged "), "{change}");
    }
}
