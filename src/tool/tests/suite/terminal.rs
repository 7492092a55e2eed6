//! `serve` on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::program::TOOL;

#[test]
fn serve_prints_the_totals_in_the_last_line_on_a_terminal() {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let side = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut child = Command::new(TOOL)
        .args(["serve", "127.0.0.1:0"])
        .stdout(Stdio::from(side))
        .spawn()
        .unwrap();
    let (mut terminal, mut printed) = (File::from(terminal), String::new());
    while !printed.contains("option ") || !printed.ends_with("0 bytes") {
        let mut part = [0; 512];
        let length = terminal.read(&mut part).unwrap();
        printed.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(
        printed.rsplit('\n').next().unwrap(),
        "0 associations, 0 established, 0 peeled off; 0 messages, 0 bytes"
    );
    assert!(printed.contains("\r\x1b[Koption "), "{printed:?}");
}
