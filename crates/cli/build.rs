//! Tells the command which commit it is built from, where it is built from a checkout: `0.1.0 (a9d7d61 2026-11-29)`.
//!
//! A package from a registry has no checkout around it, and a machine may have no git: then it is the version alone.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    let version = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=NUMCHECK_VERSION={version}");
}

/// The commit and its day. Built anew when another one is checked out, and not otherwise.
fn commit() -> Option<String> {
    // Two folders up stands this workspace, or the folder in which a registry unpacks packages: never look further.
    if !Path::new("../../.git").exists() {
        return None;
    }
    // The log has a line for every commit and checkout. A file that is not there would build it anew each time.
    let watched = ["logs/HEAD", "HEAD"].into_iter().find_map(|name| {
        let path = git(&["rev-parse", "--git-path", name])?;
        Path::new(&path).exists().then_some(path)
    });
    println!("cargo::rerun-if-changed={}", watched?);
    git(&["log", "-1", "--format=%h %cd", "--date=short", "--abbrev=7"])
}

/// What git says, on one line.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(said.trim().to_owned()).filter(|said| !said.is_empty())
}
