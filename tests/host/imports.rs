//! The dependencies between the modules of the library.

use std::fs;
use std::path::Path;

/// A module imports only from modules that follow it in this list.
const ORDER: [&str; 18] = [
    "peeloff",
    "peeler",
    "fallback",
    "guard",
    "lookup",
    "notification",
    "control",
    "diagnose",
    "error",
    "parked",
    "helper",
    "sockopt",
    "adopt",
    "backend",
    "uapi",
    "flags",
    "assoc_id",
    "lib",
];

/// The top-level module and the text of each source file of the library.
fn files() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&source).unwrap().with_extension("");
            let module = name.iter().next().expect("a name").to_str().expect("UTF-8");
            if ["tool", "capi", "guide"].contains(&module) || path.ends_with("tests.rs") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a file");
                files.push((module.to_owned(), text));
            }
        }
    }
    files
}

fn position(module: &str) -> usize {
    let position = ORDER.iter().position(|name| *name == module);
    position.unwrap_or_else(|| panic!("'{module}' is not in ORDER"))
}

#[test]
fn modules_import_only_from_modules_that_follow_in_the_order() {
    let files = files();
    assert!(files.len() >= ORDER.len());
    for (module, text) in files {
        let from = position(&module);
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        for line in text.lines().filter(is_code) {
            for path in line.split("crate::").skip(1) {
                let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                let imported = &path[..end.unwrap_or(path.len())];
                if imported != module {
                    assert!(position(imported) > from, "{module}: {}", line.trim());
                }
            }
        }
    }
}

#[test]
fn libc_dependency_has_the_same_condition_as_libc_backend() {
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    let cargo = include_str!("../../Cargo.toml");
    let backend = without_space(include_str!("../../src/backend.rs"));
    let (_, condition) = cargo.split_once("[target.'cfg(").expect("a target");
    let (condition, dependencies) = condition.split_once(")'.dependencies]").expect("its end");
    let dependencies = dependencies.trim_start();
    assert!(dependencies.starts_with("libc = "), "{dependencies}");
    // The feature use-libc enables the optional dependency, so the condition in Cargo.toml
    // does not contain the feature.
    let condition =
        without_space(condition).replace("not(miri),", "not(miri),not(feature=\"use-libc\"),");
    let backend = backend.replace(",)", ")");
    assert!(backend.contains(&condition), "{condition}");
}
