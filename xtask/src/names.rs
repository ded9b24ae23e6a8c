//! One name, one meaning: no two crates that can be depended on give the same name to two public types.

use std::collections::BTreeMap;
use std::path::Path;

/// Each facade has a client, named as everywhere in Rust and used by its path.
const SHARED: &[&str] = &["Client", "ClientBuilder"];
/// Nobody depends on these.
const NOT_DEPENDED_ON: &[&str] = &["crates/bench/", "crates/cli/", "crates/testing/", "xtask/"];
/// Public for the macro of the suite alone.
const SUITE: &str = "crates/bulk/src/conformance/";

/// Names each public type that is declared twice, with both places.
pub(crate) fn check(root: &Path, paths: &[String], findings: &mut Vec<String>) {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for path in paths.iter().filter(|path| is_of_a_library(path)) {
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        for (at, name) in declared(&text) {
            places.entry(name.to_owned()).or_default().push(format!("{path}:{at}"));
        }
    }
    for (name, places) in places {
        if places.len() > 1 && !SHARED.contains(&name.as_str()) {
            findings.push(format!("`{name}` is the name of several types: {}", places.join(", ")));
        }
    }
}

fn is_of_a_library(path: &str) -> bool {
    path.ends_with(".rs")
        && path.contains("/src/")
        && !NOT_DEPENDED_ON.iter().chain([&SUITE]).any(|start| path.starts_with(start))
}

/// Public types, by line number from 1.
fn declared(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().zip(1..).filter_map(|(line, at)| {
        let rest = line.trim_start().strip_prefix("pub ")?;
        let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| rest.strip_prefix(kind))?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        // A macro's `$Name` is no name.
        rest.get(..end).filter(|name| !name.is_empty()).map(|name| (at, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_types_are_found_and_private_ones_are_not() {
        let source = "/// A.\npub struct A<'a> {}\npub(crate) enum B {}\n    pub trait C: D {}\npub fn e() {}\npub type F = A;";
        assert_eq!(declared(source).collect::<Vec<_>>(), [(2, "A"), (4, "C"), (6, "F")]);
    }

    #[test]
    fn only_libraries_count() {
        assert!(is_of_a_library("crates/qxt/src/client.rs"));
        for path in ["crates/cli/src/main.rs", "crates/qxt/tests/it/main.rs", "crates/qxt/README.md"] {
            assert!(!is_of_a_library(path), "{path}");
        }
    }
}
