//! What the guide shows is what runs here.

/// The chapter as its reader sees it.
fn chapter() -> String {
    let lines = include_str!("../../../src/guide/runtimes.md").lines();
    let seen = lines.filter(|line| *line != "#" && !line.starts_with("# "));
    seen.flat_map(|line| [line, "\n"]).collect()
}

/// From behind the imports to the tests.
fn shown(source: &str) -> &str {
    let imports = source.rfind("\nuse ").expect("imports");
    let (_, rest) = source[imports..].split_once(";\n\n").expect("an item");
    rest.split("\ntests!(").next().expect("a part").trim_end()
}

#[test]
fn guide_shows_these_examples() {
    let chapter = chapter();
    for (name, source) in [
        ("async_io", include_str!("async_io.rs")),
        ("echo", include_str!("echo.rs")),
        ("inbox", include_str!("inbox.rs")),
        ("mio", include_str!("mio.rs")),
        ("nix", include_str!("nix.rs")),
        ("polling", include_str!("polling.rs")),
        ("rustix", include_str!("rustix.rs")),
        ("socket2", include_str!("socket2.rs")),
        ("threads", include_str!("threads.rs")),
        ("tokio", include_str!("tokio.rs")),
    ] {
        let shown = shown(source);
        assert!(shown.lines().count() > 5, "{name}: {shown}");
        assert!(
            chapter.contains(shown),
            "{name} is shown otherwise:\n{shown}"
        );
    }
}
