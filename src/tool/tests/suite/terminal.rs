//! `serve` on a terminal: the totals stand below the events.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::program::TOOL;

#[test]
fn the_last_line_is_the_totals() {
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
    let (mut terminal, mut said) = (File::from(terminal), String::new());
    while !said.contains("option ") || !said.ends_with("0 bytes") {
        let mut part = [0; 512];
        let length = terminal.read(&mut part).unwrap();
        said.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let last = said.rsplit('\n').next().unwrap();
    assert_eq!(
        last,
        "0 associated, 0 up, 0 peeled off; 0 messages, 0 bytes"
    );
    assert!(said.contains("\r\x1b[Koption "), "{said:?}");
}
