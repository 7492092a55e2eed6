//! The chapter on errors has each of them, and a test for each way to make it happen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn chapter() -> String {
    read("src/guide/errors.md")
}

/// The variants, as the listing of the public API has them, which a check of the
/// package holds against the compiler's word.
fn variants() -> BTreeSet<String> {
    let listing = read("tests/public-api/all-features.txt");
    let names = listing
        .lines()
        .filter_map(|line| line.strip_prefix("pub sctp_peeloff::Error::"))
        .filter_map(|rest| rest.split(['(', ':']).next())
        .map(str::to_owned);
    names.collect()
}

/// The rows of the table that has this heading, without the heading.
fn table<'a>(chapter: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let from = chapter.find(heading).expect("the table");
    let rows = chapter[from..]
        .lines()
        .take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn each_variant_is_in_the_table() {
    let chapter = chapter();
    let rows = table(&chapter, "| error | errno |");
    let told: BTreeSet<_> = rows
        .iter()
        .map(|row| quoted(row[0]).next().expect("a name").to_owned())
        .collect();
    assert_eq!(told, variants());
    assert_eq!(rows.len(), told.len(), "a variant told twice");
    for row in rows {
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn each_variant_can_be_made_to_happen() {
    let chapter = chapter();
    let examples: String = chapter.split("```").skip(1).step_by(2).collect();
    let rows = table(&chapter, "| error | how |");
    for variant in variants() {
        let by_example = examples.contains(&format!("Error::{variant}"));
        let by_test = rows
            .iter()
            .any(|row| quoted(row[0]).any(|name| name == variant));
        assert!(by_example || by_test, "{variant}");
    }
    let tests = tests(Path::new(env!("CARGO_MANIFEST_DIR")));
    for row in rows {
        let name = quoted(row[2]).last().expect("a test's name");
        assert!(tests.contains(&format!("\nfn {name}() {{\n")), "no {name}");
    }
}

/// The source of all tests.
fn tests(root: &Path) -> String {
    let mut folders = vec![root.join("tests"), root.join("src/tool/tests")];
    let mut source = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                source += &fs::read_to_string(path).expect("a source");
            }
        }
    }
    source
}
