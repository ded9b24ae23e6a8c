//! Does what the README's first screen says, as somebody who has only just cloned the project.
//!
//! It must not know a command itself: it runs what the README shows, so that the README cannot go stale.

use std::path::Path;
use std::process::Command;

use crate::cargo;

/// Whether a full CI run includes it. It waits for the README.
pub(crate) const IN_CI: bool = false;
/// The heading whose first `sh` block is run, whatever its case.
const HEADING: &str = "first run";

/// Builds the command in release, then runs the block in an empty folder where `numcheck` is that command.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let text =
        std::fs::read_to_string(root.join("README.md")).map_err(|error| format!("README.md: {error}"))?;
    let script = script(&text)
        .ok_or_else(|| format!("README.md has no ```sh block below a heading that says \"{HEADING}\""))?;
    cargo::succeed(&mut cargo::command(root, &["build", "--locked", "--release", "--package", "numcheck"]))?;
    let binaries = cargo::metadata(root)?.target_directory.join("release");
    let folder = std::env::temp_dir().join(format!("numcheck-readme-{}", std::process::id()));
    std::fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // The README's paths start at the root of a checkout; the files it reads are there, and what it writes stays here.
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.join("crates"), folder.join("crates"))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    println!("{script}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(binaries).chain(std::env::split_paths(&path)))
        .map_err(|error| format!("PATH: {error}"))?;
    let status =
        Command::new("sh").args(["-eu", "-c", &script]).current_dir(&folder).env("PATH", path).status();
    // The temporary folder is the machine's to clean where this fails.
    let _ = std::fs::remove_dir_all(&folder);
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the README's first run failed: {status}")),
        Err(error) => Err(format!("cannot start sh: {error}")),
    }
}

/// The first `sh` block below the heading, with the built command in place of building it.
fn script(readme: &str) -> Option<String> {
    let is_heading = |line: &&str| line.starts_with('#') && line.to_lowercase().contains(HEADING);
    let mut lines =
        readme.lines().skip_while(|line| !is_heading(line)).skip_while(|line| line.trim() != "```sh");
    lines.next()?;
    let block: Vec<String> = lines
        .take_while(|line| line.trim() != "```")
        .map(|line| line.replace("cargo run --release -- ", "numcheck "))
        .collect();
    (!block.is_empty()).then(|| block.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_below_the_heading_is_taken() {
        let readme = "# numcheck\n```sh\nnot this\n```\n## First run\nText.\n```sh\ncargo run --release -- run a.csv\nhead out.csv\n```\n```sh\nnor this\n```\n";
        assert_eq!(script(readme).as_deref(), Some("numcheck run a.csv\nhead out.csv"));
        assert_eq!(script("# numcheck\n```sh\nnot this\n```\n"), None);
    }
}
