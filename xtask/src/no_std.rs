//! The lowest crates build without the standard library: their roots say so, and so does everything below them.
//!
//! It must not need a target without `std` on the machine: it reads the sources and cargo's feature tree instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cargo::{self, Kind, Metadata};

/// The crates that promise it.
const CRATES: &[&str] = &["numcheck-protocol", "numcheck-signing"];

/// Checks the promise of each.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let metadata = cargo::metadata(root)?;
    let mut findings = Vec::new();
    for name in CRATES {
        for path in roots_below(&metadata, name) {
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if !says_no_std(&text) {
                findings.push(format!("{name} needs std: {} has no `#![no_std]`", path.display()));
            }
        }
        let tree =
            ["tree", "--package", name, "--edges", "features,normal,no-proc-macro", "--prefix", "none"];
        let tree = cargo::output(root, &[&tree[..], &["--all-features"]].concat())?;
        for offender in std_features(&tree) {
            findings.push(format!("{name} needs std: `{offender}` is switched on below it"));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
}

/// The root files of the crate's library and of every library below it. Macros run while building, so they do not count.
fn roots_below(metadata: &Metadata, name: &str) -> BTreeSet<std::path::PathBuf> {
    let packages: BTreeMap<&str, _> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let mut roots = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = metadata
        .members()
        .filter(|package| package.name == name)
        .map(|package| package.id.as_str())
        .collect();
    while let Some(id) = waiting.pop() {
        let Some(package) = packages.get(id).filter(|_| seen.insert(id)) else { continue };
        let libraries: Vec<_> = package
            .targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind.contains("lib")))
            .collect();
        if libraries.is_empty() {
            continue;
        }
        roots.extend(libraries.iter().map(|target| target.src_path.clone()));
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        for edge in nodes.filter(|node| node.id == id).flat_map(|node| &node.deps) {
            if edge.dep_kinds.iter().any(|kind| kind.kind == Kind::Normal) {
                waiting.push(&edge.pkg);
            }
        }
    }
    roots
}

/// Whether a crate's root can do without std. An attribute under `cfg_attr` counts: the features are checked besides.
fn says_no_std(root: &str) -> bool {
    root.lines().any(|line| {
        let line = line.trim_start();
        (line.starts_with("#![") || line.ends_with(")]")) && line.contains("no_std")
    })
}

/// The `std` features in `cargo tree --edges features`.
fn std_features(tree: &str) -> BTreeSet<&str> {
    tree.lines()
        .filter(|line| line.contains(" feature \"std\""))
        .map(|line| line.trim_end_matches(" (*)"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_counts_and_a_mention_does_not() {
        assert!(says_no_std("//! Types.\n#![no_std]\nextern crate alloc;"));
        assert!(says_no_std("#![cfg_attr(not(feature = \"std\"), no_std)]"));
        assert!(!says_no_std("//! Once this was no_std.\nuse std::fmt;"));
    }

    #[test]
    fn a_std_feature_is_found_once() {
        let tree = "a v1.0.0\nserde feature \"alloc\"\nserde feature \"std\"\nserde feature \"std\" (*)\n";
        assert_eq!(std_features(tree), BTreeSet::from(["serde feature \"std\""]));
    }
}
