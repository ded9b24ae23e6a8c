//! Whether the crates can be depended on: each builds from its own package, few crates stand below it, and SQLite's bindings fit those of others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cargo;

/// Never published.
const INTERNAL: [&str; 3] = ["numcheck-bench", "numcheck-testing", "xtask"];

/// How many third-party crates a user gets with a crate: those that are linked or expanded for this machine, by name and version. What only
/// build scripts need runs on the builder's machine and is not counted.
struct Weight {
    package: &'static str,
    /// Options of `cargo tree`.
    features: &'static [&'static str],
    most: usize,
}

const WEIGHTS: &[Weight] = &[
    Weight { package: "numcheck-protocol", features: &[], most: 12 },
    Weight { package: "numcheck-signing", features: &[], most: 15 },
    Weight { package: "numcheck-nxcloud", features: &[], most: 60 },
    Weight { package: "numcheck-qxt", features: &[], most: 55 },
    // As a dev-dependency of somebody's tests.
    Weight { package: "numcheck-sandbox", features: &["--no-default-features"], most: 60 },
];

/// A program links SQLite once, through one version of the crate `libsqlite3-sys`. These stand for the programs that have it already:
/// a version of `rusqlite` that the range allows, and what else a manifest may ask for beside it.
const SQLITE: &[(&str, &str)] = &[
    ("0.38", r#"sqlx = { version = "0.9", default-features = false, features = ["sqlite"] }"#),
    ("0.39", r#"sqlx = { version = "0.9", default-features = false, features = ["sqlite"] }"#),
    ("0.40", r#"diesel = { version = "2.3", default-features = false, features = ["sqlite"] }"#),
    ("0.40", r#"tokio-rusqlite = "0.8""#),
    ("0.38", r#"r2d2_sqlite = "0.32""#),
    ("0.40", r#"r2d2_sqlite = "0.35""#),
    ("0.41", ""),
];

/// Packages each crate and builds it from its package, as a user of the published one does.
pub(crate) fn package(root: &Path) -> crate::Outcome {
    // cargo unpacks a package once for each path and version, in its home folder, and builds what it finds there from then on: a folder
    // that was used before would answer for the code of that day.
    let all = cargo::metadata(root)?.target_directory.join("packages");
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unused = all.join(since_1970.as_millis().to_string());
    // What is not committed yet is checked as well.
    let mut args = vec!["package", "--locked", "--workspace", "--allow-dirty"];
    for name in INTERNAL {
        args.extend(["--exclude", name]);
    }
    let outcome = cargo::succeed(cargo::command(root, &args).arg("--target-dir").arg(&unused));
    let removed = fs::remove_dir_all(&all);
    outcome?;
    removed.map_err(|error| format!("cannot remove {}: {error}", all.display()))
}

/// Compares the public API of the crates with that of a commit. Needs cargo-semver-checks.
pub(crate) fn semver(root: &Path, commit: &str) -> crate::Outcome {
    let mut args = vec!["semver-checks", "--workspace", "--all-features", "--baseline-rev", commit];
    for name in INTERNAL {
        args.extend(["--exclude", name]);
    }
    cargo::succeed(&mut cargo::command(root, &args)).map_err(|error| {
        format!(
            "{error}: it lists what changed, or is to be installed by `cargo install cargo-semver-checks`"
        )
    })
}

/// Counts the crates below each crate that has a limit.
pub(crate) fn weights(root: &Path) -> crate::Outcome {
    let mut findings = Vec::new();
    for Weight { package, features, most } in WEIGHTS {
        let tree = ["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"];
        let tree = cargo::output(root, &[&tree[..], features, &["--format", "{p}"]].concat())?;
        let count = third_party(&tree).len();
        println!("{package}: {count} of at most {most}");
        if count > *most {
            findings
                .push(format!("{package}: {count} third-party crates below it, at most {most} are allowed"));
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\n\n`cargo tree --package NAME --edges normal` shows which; the limits are in xtask/src/publish.rs",
        findings.join("\n")
    ))
}

/// The lines of `cargo tree` that name somebody else's package, each once.
fn third_party(tree: &str) -> BTreeSet<&str> {
    let packages = tree.lines().map(|line| line.trim_end_matches(" (*)").trim_end_matches(" (proc-macro)"));
    packages.filter(|package| !package.is_empty() && !package.starts_with("numcheck")).collect()
}

/// Resolves a program that uses `numcheck-bulk` beside each of its neighbours. Nothing is built.
pub(crate) fn sqlite(root: &Path) -> crate::Outcome {
    let scratch = cargo::metadata(root)?.target_directory.join("sqlite-neighbours");
    let bulk = root.join("crates/bulk");
    let file = |name: &str, content: &str| {
        let path = scratch.join(name);
        fs::write(&path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(scratch.join("src"))
        .map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
    file("src/lib.rs", "")?;
    for (rusqlite, neighbour) in SQLITE {
        file(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"neighbour\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
                 numcheck-bulk = {{ path = '{}' }}\nrusqlite = {{ version = \"{rusqlite}\", default-features = false }}\n{neighbour}\n",
                bulk.display()
            ),
        )?;
        // The one of the last neighbour.
        let _ = fs::remove_file(scratch.join("Cargo.lock"));
        println!("rusqlite {rusqlite} beside {}", if neighbour.is_empty() { "nothing" } else { neighbour });
        cargo::succeed(&mut cargo::command(&scratch, &["generate-lockfile", "--quiet"]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_and_our_own_do_not() {
        let tree = "numcheck-qxt v0.1.0 (…)\nserde v1.0.0\nserde_derive v1.0.0 (proc-macro)\nserde v1.0.0 (*)\nsyn v2.0.0\nsyn v3.0.0\n\n";
        assert_eq!(third_party(tree).len(), 4);
    }

    #[test]
    fn no_crate_is_heavier_than_its_limit() {
        if let Err(message) = weights(&crate::root()) {
            panic!("{message}");
        }
    }
}
