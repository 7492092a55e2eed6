//! README.md and the pages in `.github`. The example in README.md is a documentation test of
//! the library.

use std::fs;
use std::path::Path;

#[test]
fn readme_and_github_pages_have_limited_length_and_no_dead_link() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, limit) in [
        ("README.md", 120),
        (".github/CONTRIBUTING.md", 300),
        (".github/SECURITY.md", 300),
    ] {
        let file = folder.join(file);
        let text = fs::read_to_string(&file).expect("the file");
        assert!(text.lines().count() <= limit, "{}", file.display());
        let targets = text.split("](").skip(1);
        for target in targets.filter_map(|rest| rest.split(')').next()) {
            assert!(!target.contains("://"), "unchecked link {target}");
            let path = file.parent().expect("a folder").join(target);
            assert!(path.exists(), "dead link {target} in {}", file.display());
        }
    }
}

#[test]
fn readme_commands_are_run_in_ci() {
    let readme = include_str!("../../README.md");
    let ci = include_str!("../../.ci/run");
    for command in ["cargo run", "cargo test"] {
        assert!(readme.contains(&format!("\n{command}")), "{command}");
        assert!(ci.contains(&format!("{{ {command}; }}")), "{command}");
    }
}
