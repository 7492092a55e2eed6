//! The man page is consistent with `--help` and with the output.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::program::{Server, echo, expect_parts, run};
use crate::support::process;

type Words = BTreeSet<String>;

fn man_page() -> String {
    fs::read_to_string(process::file("sctp-peeloff.1")).expect("the man page")
}

/// The title and the text of each `.SH` section and each `.SS` subsection.
fn sections() -> Vec<(String, String)> {
    let page = man_page().replace("\\-", "-").replace("\n.SS ", "\n.SH ");
    let sections = page.split("\n.SH ").skip(1);
    let sections = sections.map(|section| section.split_once('\n').unwrap_or((section, "")));
    sections
        .map(|(title, text)| (title.to_owned(), text.to_owned()))
        .collect()
}

fn section(title: &str) -> String {
    let section = sections().into_iter().find(|section| section.0 == title);
    section.unwrap_or_else(|| panic!("no section {title}")).1
}

/// The words in the lines that follow `.TP`.
fn terms(section: &str) -> Words {
    let lines = section
        .split(".TP\n")
        .skip(1)
        .filter_map(|term| term.lines().next());
    let words = lines.flat_map(|line| line.split([' ', '"', ',']).skip(1));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn options(words: impl IntoIterator<Item = String>) -> Words {
    let options = words.into_iter().filter(|word| word.starts_with('-'));
    options.collect()
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
    let (help, _) = run("--help", 0);
    let (_, list) = help.split_once("\nCommands:\n").expect("a command list");
    let commands = list.lines().take_while(|line| line.starts_with("  "));
    let commands: Vec<_> = commands
        .map(|line| line.split_whitespace().next().expect("a command"))
        .collect();
    let mut titles = sections().into_iter().map(|(title, _)| title);
    assert!(titles.any(|title| title == "COMMANDS"));
    let titles: Vec<_> = titles.take_while(|title| title != "OPTIONS").collect();
    assert_eq!(titles, commands);
}

#[test]
fn man_page_lists_the_options_of_help() {
    let common = options(terms(&section("OPTIONS")));
    assert_eq!(help_options(&run("--help", 0).0), common);
    for command in ["demo", "check", "serve"] {
        let own = options(terms(&section(command)));
        let all: Words = own.union(&common).cloned().collect();
        let help = run(&format!("{command} --help"), 0).0;
        assert_eq!(help_options(&help), all, "{command}");
        // The synopsis names the same options.
        let own: Vec<_> = own.iter().map(String::as_str).collect();
        expect_parts(&section("SYNOPSIS"), &own);
    }
}

#[test]
fn man_page_states_the_version_and_the_defaults() {
    let page = man_page();
    let version = concat!("\"sctp-peeloff ", env!("CARGO_PKG_VERSION"), "\"");
    assert!(page.lines().next().unwrap().contains(version));
    let (help, _) = run("serve --help", 0);
    expect_parts(&help, &["The default port is 9899.", "(default 10 "]);
    expect_parts(&page, &["is 9899.\n", "The default is 10 if"]);
}

#[test]
fn man_page_lists_the_json_keys_of_check() {
    let (output, _) = run("check --json", 0);
    let report: Value = serde_json::from_str(&output).expect("JSON");
    let keys = report.as_object().expect("an object").keys();
    let listed = terms(&section("JSON output of check"));
    assert_eq!(keys.cloned().collect::<Words>(), listed);
}

/// This server prints only some of the labels. The source contains all of them.
#[test]
fn man_page_lists_the_labels_of_serve() {
    let listed = terms(&section("Lines of serve"));
    let files = ["", "/ending", "/ledger", "/peeled", "/shared"];
    let source = |name| fs::read_to_string(process::file(&format!("src/tool/serve{name}.rs")));
    let source = files.map(|name| source(name).unwrap()).concat();
    for label in &listed {
        assert!(source.contains(&format!("\"{label}\"")), "{label}");
    }
    let mut server = Server::start("127.0.0.1:0", "--after 1");
    let client = server.client();
    echo(&client, 0);
    drop(client);
    server.wait_for("closed");
    server.signal(rustix::process::Signal::TERM);
    let seen = server.seen.clone();
    let (_, rest) = server.wait();
    for line in seen.iter().chain(&rest) {
        let label = line.split(' ').next().expect("a label");
        assert!(listed.contains(label), "{line}");
    }
}
