//! Runs every command line that the README and the documents show, in the order in which they stand there, and holds what comes out against what they show.
//!
//! It must not know a command itself: it runs what a document shows, so that no document goes stale. A block ` ```sh ` is run, unless ` skip: ` and a reason stand
//! behind the word; a block ` ```text ` right below it is its output, in which `…` stands for anything, also for whole lines.
//! `# exit 3` at the end of a line says how it ends.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;

/// Lines that are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[("cargo xtask ci", "it runs this")];
const ANYTHING: &str = "…";

/// A block of commands.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// Where it stands, by its line from 1.
    line: usize,
    commands: Vec<String>,
    /// Why it is not run.
    skip: Option<String>,
    output: Option<String>,
}

/// Builds the command, then runs each document's blocks in an empty folder where `numcheck` is that command.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    cargo::succeed(&mut cargo::command(root, &["build", "--locked", "--package", "numcheck"]))?;
    let mut findings = Vec::new();
    for document in documents(root)? {
        let name = document.strip_prefix(root).unwrap_or(&document).display().to_string();
        let text = std::fs::read_to_string(&document).map_err(|error| format!("{name}: {error}"))?;
        let blocks = blocks(&text);
        for block in &blocks {
            if let Some(reason) = &block.skip {
                println!("{name}:{}: not run: {reason}", block.line);
            }
        }
        let run: Vec<Block> = blocks.into_iter().filter(|block| block.skip.is_none()).collect();
        if !run.is_empty() {
            println!("{name}: {} blocks", run.len());
            run_blocks(root, &name, &run, &mut findings)?;
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n\n")) }
}

/// The README, the command's own, and what is below `docs`.
fn documents(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut documents = vec![root.join("README.md"), root.join("crates/cli/README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
            .map_err(cannot)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(cannot)?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                documents.push(path);
            }
        }
    }
    Ok(documents)
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = text.lines().zip(1..);
    // Only right below a block of commands is a text its output.
    let mut last_end = 0;
    while let Some((line, at)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let content: Vec<String> = lines
            .by_ref()
            .map(|(line, _)| line)
            .take_while(|line| *line != "```")
            .map(str::to_owned)
            .collect();
        let end = at + content.len() + 1;
        let (word, rest) = info.split_once(' ').unwrap_or((info, ""));
        match (word, blocks.last_mut()) {
            ("sh", _) => {
                let skip = rest.trim().strip_prefix("skip:").map(|reason| reason.trim().to_owned());
                blocks.push(Block { line: at, commands: content, skip, output: None });
            }
            ("text", Some(block)) if at == last_end + 1 => block.output = Some(content.join("\n")),
            _ => {}
        }
        last_end = end;
    }
    blocks
}

fn run_blocks(root: &Path, name: &str, blocks: &[Block], findings: &mut Vec<String>) -> crate::Outcome {
    let folder = std::env::temp_dir().join(format!("numcheck-readme-{}", std::process::id()));
    let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
    // That of another document is gone.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).map_err(cannot)?;
    // Paths start at the root of a checkout; the files that are read are there, and what is written stays here.
    #[cfg(unix)]
    for part in ["crates", "docs"] {
        std::os::unix::fs::symlink(root.join(part), folder.join(part)).map_err(cannot)?;
    }
    let target = cargo::metadata(root)?.target_directory;
    let script = script(blocks, root, &target)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [folder.join("cargo/bin"), target.join("debug")];
    let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)))
        .map_err(|error| format!("PATH: {error}"))?;
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(&folder).env("PATH", path);
    command.env("XDG_DATA_HOME", folder.join("data")).env("XDG_CONFIG_HOME", folder.join("config"));
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy().into_owned();
        if ["NUMCHECK_", "NXCLOUD_", "QXT_"].iter().any(|start| variable.starts_with(start)) {
            command.env_remove(variable);
        }
    }
    let status = command.status().map_err(|error| format!("cannot start bash: {error}"))?;
    for (number, block) in blocks.iter().enumerate() {
        let place = format!("{name}:{}", block.line);
        let Ok(output) = std::fs::read_to_string(folder.join(format!(".output-{number}"))) else {
            findings.push(format!("{place}: not reached"));
            break;
        };
        let is_last = !folder.join(format!(".output-{}", number + 1)).exists();
        if !status.success() && is_last {
            findings.push(format!("{place}: a command failed:\n{output}"));
            break;
        }
        if let Some(expected) = &block.output
            && !is_shown(&lines(expected), &lines(&output))
        {
            findings.push(format!("{place}: what comes out is not what is shown:\n{output}"));
        }
    }
    // The temporary folder is the machine's to clean where this fails.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// The blocks as one script, in which what one sets holds in the next, and each has its output in a file.
fn script(blocks: &[Block], root: &Path, target: &Path) -> Result<String, String> {
    // A free port: the document's may be taken, and nobody reaches its public URL.
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("no free port: {error}"))?;
    drop(listener);
    let install = format!(
        "cargo install --quiet --debug --root cargo --target-dir {} --path {}/crates/cli --locked",
        target.display(),
        root.display()
    );
    let mut script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n".to_owned();
    for (number, block) in blocks.iter().enumerate() {
        let _ = writeln!(script, "exec >.output-{number} 2>&1");
        for line in &block.commands {
            if NOT_RUN.iter().any(|(not_run, _)| line.trim() == *not_run) || is_left_to_the_reader(line) {
                continue;
            }
            let line = line
                .replace("cargo install --path crates/cli --locked", &install)
                .replace("0.0.0.0:8080", &address.to_string())
                .replace("--public-url https://example.org", &format!("--public-url http://{address}"));
            match exit_code(&line) {
                Some(code) => {
                    let _ = writeln!(script, "code=0; {{ {line}\n}} || code=$?; [ $code -eq {code} ]");
                }
                None => script.push_str(&(line + "\n")),
            }
        }
    }
    Ok(script)
}

/// A secret or an address of the reader's own; a sandbox has set its own before.
fn is_left_to_the_reader(line: &str) -> bool {
    line.starts_with("export ") && line.contains(ANYTHING)
}

/// `# exit 3` at the end of a line.
fn exit_code(line: &str) -> Option<u8> {
    let (_, comment) = line.rsplit_once("# exit ")?;
    let digits = comment.split(|char: char| !char.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn lines(text: &str) -> Vec<&str> {
    text.trim_end().lines().map(str::trim_end).collect()
}

/// Whether lines are as they are shown.
fn is_shown(shown: &[&str], found: &[&str]) -> bool {
    match shown.split_first() {
        None => found.is_empty(),
        Some((&ANYTHING, rest)) => {
            (0..=found.len()).any(|at| is_shown(rest, found.get(at..).unwrap_or_default()))
        }
        Some((line, rest)) => found
            .split_first()
            .is_some_and(|(first, others)| is_line_shown(line, first) && is_shown(rest, others)),
    }
}

fn is_line_shown(shown: &str, found: &str) -> bool {
    match shown.split_once(ANYTHING) {
        None => shown == found,
        Some((start, rest)) => found.strip_prefix(start).is_some_and(|after| {
            after
                .char_indices()
                .map(|(at, _)| at)
                .chain([after.len()])
                .any(|at| is_line_shown(rest, after.get(at..).unwrap_or_default()))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_commands_has_the_text_right_below_it_as_its_output() {
        let document = "# x\n```sh\na\nb\n```\n```text\nout\n```\n\n```text\nnot its\n```\n```sh skip: needs a server\nc\n```\n```rust\nd\n```\n";
        let blocks = blocks(document);
        assert_eq!(blocks.len(), 2, "{blocks:?}");
        assert_eq!((blocks[0].line, blocks[0].output.as_deref()), (2, Some("out")));
        assert_eq!(blocks[0].commands, ["a", "b"]);
        assert_eq!(blocks[1].skip.as_deref(), Some("needs a server"));
    }

    #[test]
    fn an_ellipsis_stands_for_anything_within_a_line_and_for_lines() {
        for (shown, found, is) in [
            ("a\nb", "a\nb\n", true),
            ("a", "a\nb", false),
            ("a\n…", "a\nb\nc", true),
            ("…\nc", "a\nb\nc", true),
            ("…\nb", "a\nb\nc", false),
            ("took … s, … ok", "took 1.5 s, 3 ok", true),
            ("took … s", "took 1.5 s, 3 ok", false),
            ("a…", "a", true),
        ] {
            assert_eq!(is_shown(&lines(shown), &lines(found)), is, "{shown:?} {found:?}");
        }
    }

    #[test]
    fn a_line_may_say_how_it_ends() {
        assert_eq!(exit_code("numcheck run x   # exit 3: one row is invalid"), Some(3));
        assert_eq!(exit_code("numcheck run x   # exits"), None);
    }
}
