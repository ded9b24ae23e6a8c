//! The house rules that a machine can hold, over every file that is or would be committed.

use std::path::Path;
use std::process::Command;

use crate::names;

/// What is visible at the top level, and nothing else. A licence file may have any ending.
const TOP_LEVEL: &[&str] = &["Cargo.toml", "Cargo.lock", "README.md", "crates", "xtask", "docs"];
/// Paths of one machine. In two pieces, so that this file passes its own check.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/", "target"), concat!("/ho", "me/")];
/// Hosts of package registries: which one serves a builder is the builder's own affair.
const REGISTRIES: &[&str] = &["crates.io", "crates-io", "sparse+", "npmjs.", "pypi.org", "registry."];
/// Words of unfinished work.
const UNFINISHED: &[&str] = &[
    concat!("db", "g!("),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];
/// The only source a locked package may have.
const LOCK_SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Reads every file once and names each breach with its place.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let mut findings = Vec::new();
    let paths = listed(root)?;
    top_level(&paths, &mut findings);
    names::check(root, &paths, &mut findings);
    for path in &paths {
        // Not a text, or deleted but still in the index: nothing to read.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            file(path, &text, &mut findings);
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
}

/// What git knows or would take, relative to the root and with `/` between folders.
fn listed(root: &Path) -> Result<Vec<String>, String> {
    // A checkout of another owner is still one to be checked.
    let args = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git")
        .current_dir(root)
        .args(args)
        .output()
        .map_err(|error| format!("cannot start git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git cannot list the files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn top_level(paths: &[String], findings: &mut Vec<String>) {
    let mut entries: Vec<&str> = paths.iter().filter_map(|path| path.split('/').next()).collect();
    entries.dedup();
    for entry in entries {
        let known = TOP_LEVEL.contains(&entry) || entry.starts_with("LICENSE-") || entry.starts_with('.');
        if !known {
            findings.push(format!("{entry}: the design has no such entry at the top level"));
        }
    }
}

fn file(path: &str, text: &str, findings: &mut Vec<String>) {
    let mut found = |line: usize, what: &str| findings.push(format!("{path}:{}: {what}", line + 1));
    places(path, text, &mut found);
    if path.ends_with(".rs") {
        rust(path, text, &mut found);
    }
    if is_member_manifest(path) {
        manifest(text, &mut found);
    }
}

/// Machine paths anywhere, registry hosts where they would configure something.
fn places(path: &str, text: &str, found: &mut impl FnMut(usize, &str)) {
    let lock = path.ends_with("Cargo.lock");
    let config = !lock
        && (path.starts_with('.')
            || [".toml", ".yml", ".yaml", ".json"].iter().any(|end| path.ends_with(end)));
    for (number, line) in text.lines().enumerate() {
        for place in MACHINE_PATHS.iter().filter(|place| line.contains(**place)) {
            found(number, &format!("`{place}` is a path of one machine"));
        }
        for host in REGISTRIES.iter().filter(|host| config && line.contains(**host)) {
            found(number, &format!("`{host}` names a registry; which one serves is the builder's affair"));
        }
        if lock && line.starts_with("source = ") && line != LOCK_SOURCE {
            found(number, "a locked package comes from somewhere else than the usual index");
        }
    }
}

fn rust(path: &str, text: &str, found: &mut impl FnMut(usize, &str)) {
    let test_file = path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/benches/");
    let opens = |line: &str| line.starts_with("//!") || line.starts_with("#![doc =");
    if !test_file && !text.lines().any(opens) {
        found(0, "has no `//!` that says what the file does");
    }
    let mut in_tests = test_file;
    // On a paused clock nothing is waited for: the clock is the one that was passed in.
    let mut paused = false;
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        if line.trim_start().starts_with("#[test") || line.trim_start().starts_with("#[tokio::test") {
            paused = line.contains("start_paused = true");
        }
        if line.contains(concat!("#[ig", "nore")) {
            found(number, "a test that is never run proves nothing");
        }
        let why = concat!("// why-", "sleep:");
        if in_tests
            && !paused
            && line.contains(concat!("sl", "eep("))
            && !line.contains(why)
            && !before.contains(why)
        {
            found(
                number,
                "a sleep in a test; pass a clock in, or say `// why-sleep: …` on this line or the one above",
            );
        }
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            found(number, &format!("`{word}` is unfinished work"));
        }
        before = line;
    }
}

fn is_member_manifest(path: &str) -> bool {
    path.ends_with("/Cargo.toml") && (path.starts_with("crates/") || path.starts_with("xtask/"))
}

/// Versions and lints are stated once, at the root.
fn manifest(text: &str, found: &mut impl FnMut(usize, &str)) {
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return found(0, &format!("is not TOML: {}", error.message())),
    };
    let says_workspace =
        |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    if !manifest.get("lints").is_some_and(says_workspace) {
        found(0, "does not take the workspace's lints");
    }
    for (section, dependencies) in dependency_tables(&manifest) {
        for (name, value) in dependencies {
            if !says_workspace(value) {
                found(
                    0,
                    &format!("{section}.{name} states its own version; versions stand in the root manifest"),
                );
            }
        }
    }
}

fn dependency_tables(manifest: &toml::Table) -> Vec<(&'static str, &toml::Table)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(|table| table.values()).filter_map(toml::Value::as_table);
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|table| {
            ["dependencies", "dev-dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|section| Some((section, table.get(section)?.as_table()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        file(path, text, &mut findings);
        findings
    }

    const GOOD: &str = "//! Does a thing.\n";

    #[test]
    fn the_workspace_is_tidy() {
        if let Err(message) = run(&crate::root()) {
            panic!("{message}");
        }
    }

    #[test]
    fn the_top_level_holds_what_the_design_shows() {
        let mut findings = Vec::new();
        let paths = ["Cargo.toml", "LICENSE-MIT", ".ci/run", "crates/a.rs", "notes.txt", "src/lib.rs"];
        top_level(&paths.map(str::to_owned), &mut findings);
        assert_eq!(findings.len(), 2, "{findings:?}");
    }

    #[test]
    fn a_file_says_what_it_does() {
        assert_eq!(findings("crates/a/src/a.rs", GOOD), Vec::<String>::new());
        assert_eq!(findings("crates/a/src/lib.rs", &format!("#![no_std]\n{GOOD}")), Vec::<String>::new());
        let readme = "#![doc = include_str!(\"../README.md\")]\n";
        assert_eq!(findings("crates/a/src/lib.rs", readme), Vec::<String>::new());
        for bad in ["", "fn a() {}\n"] {
            assert_eq!(findings("crates/a/src/a.rs", bad).len(), 1, "{bad:?}");
        }
        assert_eq!(findings("crates/a/tests/a.rs", "fn a() {}\n"), Vec::<String>::new());
    }

    #[test]
    fn a_sleep_in_a_test_needs_a_reason() {
        let nap = concat!("sl", "eep(ONE)");
        let source = format!("{GOOD}fn a() {{ {nap} }}\n#[cfg(test)]\nmod tests {{ {nap} }}\n");
        assert_eq!(findings("crates/a/src/a.rs", &source).len(), 1);
        let excused = format!("{} the kernel's own timer\n{nap}\n", concat!("// why-", "sleep:"));
        assert_eq!(findings("crates/a/tests/a.rs", &excused), Vec::<String>::new());
        assert_eq!(findings("crates/a/tests/a.rs", nap).len(), 1);
        let paused = format!("#[tokio::test(start_paused = true)]\nasync fn a() {{ {nap} }}\n");
        assert_eq!(findings("crates/a/tests/a.rs", &paused), Vec::<String>::new());
        let next = format!("{paused}#[tokio::test]\nasync fn b() {{ {nap} }}\n");
        assert_eq!(findings("crates/a/tests/a.rs", &next).len(), 1);
    }

    #[test]
    fn unfinished_and_never_run_is_found() {
        for word in UNFINISHED {
            assert_eq!(findings("crates/a/tests/a.rs", word).len(), 1, "{word}");
        }
        assert_eq!(findings("crates/a/tests/a.rs", concat!("#[ig", "nore = \"slow\"]")).len(), 1);
    }

    #[test]
    fn places_of_one_machine_are_found() {
        for place in MACHINE_PATHS {
            assert_eq!(findings("docs/a.md", &format!("see {place}x")).len(), 1, "{place}");
        }
        assert_eq!(findings(".cargo/config.toml", "registry = \"sparse+https://mirror\"").len(), 1);
        assert_eq!(findings("README.md", "[crates.io](https://crates.io)"), Vec::<String>::new());
        assert_eq!(findings("Cargo.lock", "source = \"registry+https://mirror/index\"").len(), 1);
        assert_eq!(findings("Cargo.lock", LOCK_SOURCE), Vec::<String>::new());
    }

    #[test]
    fn a_member_states_no_version_of_its_own() {
        let good = "[lints]\nworkspace = true\n[dependencies]\na.workspace = true\n[dev-dependencies]\nb = { workspace = true }\n";
        assert_eq!(findings("crates/a/Cargo.toml", good), Vec::<String>::new());
        assert_eq!(findings("crates/a/Cargo.toml", &format!("{good}c = \"1\"\n")).len(), 1);
        assert_eq!(
            findings("crates/a/Cargo.toml", &format!("{good}[target.'cfg(unix)'.dependencies]\nc = \"1\"\n"))
                .len(),
            1
        );
        assert_eq!(findings("crates/a/Cargo.toml", "[dependencies]\n").len(), 1);
    }
}
