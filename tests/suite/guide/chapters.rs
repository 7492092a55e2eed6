//! The Markdown files of the guide. Each example is part of a test, and each link has a target.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::process;

/// The name and the text of each chapter.
fn chapters() -> Vec<(String, String)> {
    let mut chapters = Vec::new();
    for entry in fs::read_dir(process::file("src/guide")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            chapters.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(chapters.len() > 5);
    chapters
}

/// The code without white space and trailing commas, which rustfmt changes when it breaks a
/// line.
fn unformatted(code: &str) -> String {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    code.replace(",)", ")")
}

#[test]
fn examples_are_part_of_a_test() {
    let mut examples = 0;
    for (name, chapter) in chapters() {
        for block in chapter.split("```rust\n").skip(1) {
            let example = block.split("```").next().unwrap();
            let tests = process::file(&format!("tests/suite/guide/{name}.rs"));
            let tests = unformatted(&fs::read_to_string(tests).unwrap());
            assert!(tests.contains(&unformatted(example)), "{name}: {example}");
            examples += 1;
        }
    }
    assert!(examples > 10, "{examples} examples");
}

/// The label and the target of each link definition.
fn definitions(chapter: &str) -> impl Iterator<Item = (&str, &str)> {
    let links = chapter.lines().filter(|line| line.starts_with('['));
    links.filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
}

/// The anchor of each heading.
fn anchors(chapter: &str) -> BTreeSet<String> {
    let headings = chapter.lines().filter_map(|line| line.strip_prefix("# "));
    let letter = |character: &char| character.is_alphanumeric() || " -_".contains(*character);
    let anchor = |heading: &str| {
        let text: String = heading.to_lowercase().chars().filter(letter).collect();
        text.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn links_refer_to_existing_files_and_to_items_of_the_documentation() {
    let chapters = chapters();
    let (_, documentation) = chapters.iter().find(|(name, _)| name == "links").unwrap();
    let documentation: BTreeSet<&str> =
        definitions(documentation).map(|(label, _)| label).collect();
    let mut used = BTreeSet::new();
    let guide = process::file("src/guide");
    for (name, chapter) in chapters.iter().filter(|(name, _)| name != "links") {
        for (label, target) in definitions(chapter) {
            used.insert(label);
            assert!(
                documentation.contains(label),
                "{name}: {label} is not in links.md"
            );
            assert!(
                chapter.matches(&format!("[{label}]")).count() > 1,
                "{name}: {label} is not used"
            );
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = fs::read_to_string(guide.join(Path::new(file)));
            let file = file.unwrap_or_else(|error| panic!("{name}: {target}: {error}"));
            assert!(
                anchor.is_empty() || anchors(&file).contains(anchor),
                "{name}: {target}"
            );
        }
    }
    assert_eq!(
        used, documentation,
        "links.md has a link that no chapter uses"
    );
}
