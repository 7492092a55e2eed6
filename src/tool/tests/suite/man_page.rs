//! The man page is consistent with `--help` and with the output.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::program::{Server, run, text};
use crate::support::process;

type Words = BTreeSet<String>;

/// A `.SH` section or a `.SS` subsection of the man page.
struct Section {
    title: String,
    lines: Vec<String>,
}

fn man_page() -> Vec<Section> {
    let page = std::fs::read_to_string(process::file("sctp-peeloff.1")).expect("the man page");
    let mut sections = Vec::new();
    for line in page.lines() {
        let line = line.replace("\\-", "-");
        if let Some(title) = [".SH ", ".SS "]
            .iter()
            .find_map(|request| line.strip_prefix(request))
        {
            sections.push(Section {
                title: title.to_owned(),
                lines: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

fn section(title: &str) -> Section {
    let mut sections = man_page().into_iter();
    let section = sections.find(|section| section.title == title);
    section.unwrap_or_else(|| panic!("no section {title}"))
}

/// The words in the lines that follow `.TP`.
fn terms(section: &Section) -> Words {
    let pairs = section.lines.windows(2);
    let terms = pairs.filter(|pair| pair[0] == ".TP").flat_map(|pair| {
        let words = pair[1].split([' ', '"', ',']).skip(1);
        words.map(str::to_owned).collect::<Vec<_>>()
    });
    terms.filter(|word| !word.is_empty()).collect()
}

fn options(words: impl IntoIterator<Item = String>) -> Words {
    let options = words.into_iter().filter(|word| word.starts_with('-'));
    options.collect()
}

fn help(args: &[&str]) -> String {
    let output = run(args);
    text(&output.stdout).to_owned()
}

/// The options in the option list of a help text.
fn help_options(help: &str) -> Words {
    let (_, list) = help.split_once("\nOptions:\n").expect("an option list");
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let words = lines.flat_map(|line| {
        let end = line[2..].find("  ").map_or(line.len(), |at| at + 2);
        line[..end].split([' ', ',']).map(str::to_owned)
    });
    options(words)
}

#[test]
fn man_page_lists_the_commands_of_help() {
    let help = help(&["--help"]);
    let (_, list) = help.split_once("\nCommands:\n").expect("a command list");
    let commands = list.lines().take_while(|line| line.starts_with("  "));
    let commands: Vec<_> = commands
        .map(|line| line.split_whitespace().next().expect("a command"))
        .collect();
    let sections = man_page();
    let mut titles = sections.iter().map(|section| section.title.as_str());
    assert!(titles.any(|title| title == "COMMANDS"));
    let titles: Vec<_> = titles.take_while(|title| *title != "OPTIONS").collect();
    assert_eq!(titles, commands);
}

#[test]
fn man_page_lists_the_options_of_help() {
    let common = options(terms(&section("OPTIONS")));
    assert_eq!(help_options(&help(&["--help"])), common);
    for command in ["demo", "check", "serve"] {
        let own = options(terms(&section(command)));
        let all: Words = own.union(&common).cloned().collect();
        assert_eq!(help_options(&help(&[command, "--help"])), all, "{command}");
        // The synopsis names the same options.
        let synopsis = section("SYNOPSIS").lines.join(" ");
        for option in own {
            assert!(synopsis.contains(&option), "{option}");
        }
    }
}

#[test]
fn man_page_states_the_version_and_the_defaults() {
    let page = std::fs::read_to_string(process::file("sctp-peeloff.1")).expect("the man page");
    let version = concat!("\"sctp-peeloff ", env!("CARGO_PKG_VERSION"), "\"");
    assert!(page.lines().next().unwrap().contains(version));
    let help = help(&["serve", "--help"]);
    for (in_help, in_page) in [
        ("The default port is 9899.", "is 9899.\n"),
        ("(default 10 ", "The default is 10 if"),
    ] {
        assert!(help.contains(in_help), "{help}");
        assert!(page.contains(in_page), "no {in_page}");
    }
}

#[test]
fn man_page_lists_the_json_keys_of_check() {
    let output = run(&["check", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let keys = report.as_object().expect("an object").keys();
    let listed = terms(&section("JSON output of check"));
    assert_eq!(keys.cloned().collect::<Words>(), listed);
}

/// This server prints only some of the labels. Other tests print the remaining labels.
#[test]
fn man_page_lists_the_labels_of_serve() {
    let listed = terms(&section("Lines of serve"));
    let server = Server::start("127.0.0.1", &[]);
    server.signal(rustix::process::Signal::TERM);
    let seen = server.seen.clone();
    let (_, rest) = server.wait();
    for line in seen.iter().chain(&rest) {
        let label = line.split(' ').next().expect("a label");
        assert!(listed.contains(label), "{line}");
    }
}
