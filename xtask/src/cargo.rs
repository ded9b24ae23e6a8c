//! Asks cargo: what the workspace holds, what depends on what, and whether a command succeeds.
//!
//! It must not judge: rules live with the checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// The part of `cargo metadata` that the checks look at.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// Every package of the dependency graph, the workspace's own included.
    pub(crate) packages: Vec<Package>,
    /// The ids of the workspace's own.
    pub(crate) workspace_members: Vec<String>,
    /// Who depends on whom once features are chosen; absent under `--no-deps`.
    pub(crate) resolve: Option<Resolve>,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
}

/// A package as its manifest declares it.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// A dependency as a manifest declares it.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

/// When a dependency is needed. Cargo writes `null` for the normal kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Option<String>")]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl From<Option<String>> for Kind {
    fn from(word: Option<String>) -> Self {
        match word.as_deref() {
            Some("dev") => Self::Dev,
            Some("build") => Self::Build,
            _ => Self::Normal,
        }
    }
}

/// A thing cargo builds from a package.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

/// The dependency graph.
#[derive(Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// A package in the graph.
#[derive(Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<Edge>,
}

/// An arrow in the graph.
#[derive(Deserialize)]
pub(crate) struct Edge {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<EdgeKind>,
}

/// Why the arrow is there; one arrow may have several reasons.
#[derive(Deserialize)]
pub(crate) struct EdgeKind {
    pub(crate) kind: Kind,
}

impl Metadata {
    /// The workspace's own packages, in cargo's order.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

/// `cargo metadata` with every feature on and every platform's dependencies.
///
/// Features are unified over the whole workspace, so the graph may show more than a build of one crate alone has, never
/// less: a check that finds nothing here has found nothing anywhere.
pub(crate) fn metadata(root: &Path) -> Result<Metadata, String> {
    let text = output(root, &["metadata", "--format-version", "1", "--all-features"])?;
    parse(&text)
}

/// Reads what `cargo metadata` printed.
pub(crate) fn parse(text: &str) -> Result<Metadata, String> {
    serde_json::from_str(text).map_err(|error| format!("cannot read the output of `cargo metadata`: {error}"))
}

/// Runs cargo and returns what it wrote to stdout.
pub(crate) fn output(root: &Path, args: &[&str]) -> Result<String, String> {
    let output = command(root, args)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo {}` failed: {}", args.join(" "), output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`cargo {}` wrote something that is not text", args.join(" ")))
}

/// A cargo command in the workspace's root: the cargo that runs this program.
pub(crate) fn command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(args);
    // Set by `cargo run` for this program; a cargo below it must look at its own package. Build scripts look at some of them too, and
    // would be run again by whichever cargo sees other ones.
    for (name, _) in std::env::vars_os() {
        let is_of_this_program = |prefix| name.to_str().is_some_and(|name| name.starts_with(prefix));
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].into_iter().any(is_of_this_program) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end and shows what it says.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let words: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let status = command.status().map_err(|error| format!("cannot start the command: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`cargo {}` failed: {status}", words.join(" "))) }
}
