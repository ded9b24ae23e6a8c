//! Writes what was made, or compares it: one function, so that the two cannot differ.
//!
//! It must not know what it writes, and it must not touch a file outside the folders that are made as a whole.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::codegen::COMMAND;

/// Folders in which every file is made from the spec; anything else in them is a leftover.
const FOLDERS: &[&str] =
    &["crates/protocol/src/generated", "crates/protocol/tests/fixtures", "docs/reference", "docs/openapi"];

/// A file that is made.
pub(crate) struct Output {
    /// From the root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Brings the files below the root to what was made and removes leftovers, or under `check` names every difference.
pub(crate) fn sync(root: &Path, outputs: &[Output], check: bool) -> crate::Outcome {
    let mut findings = Vec::new();
    for output in outputs {
        debug_assert!(FOLDERS.iter().any(|folder| output.path.starts_with(folder)), "{}", output.path);
        let path = root.join(&output.path);
        let found = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => None,
            Err(error) => return Err(format!("{}: {error}", output.path)),
        };
        let Some(difference) = difference(output, found.as_deref()) else { continue };
        if check {
            findings.push(difference);
        } else {
            let failed = |error: std::io::Error| format!("{}: {error}", output.path);
            fs::create_dir_all(path.parent().unwrap_or(root)).map_err(failed)?;
            fs::write(&path, &output.text).map_err(failed)?;
            println!("wrote {}", output.path);
        }
    }
    for leftover in leftovers(root, outputs)? {
        if check {
            findings.push(format!("{leftover}: is made from nothing in the spec"));
        } else {
            fs::remove_file(root.join(&leftover)).map_err(|error| format!("{leftover}: {error}"))?;
            println!("removed {leftover}");
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    findings.push(format!("`{COMMAND}` mends {}", if findings.len() == 1 { "it" } else { "all of them" }));
    Err(findings.join("\n"))
}

/// What to tell about a file that is not as it would be made: the first line that differs, in both versions.
fn difference(output: &Output, found: Option<&str>) -> Option<String> {
    let Some(found) = found else { return Some(format!("{}: is missing", output.path)) };
    if found == output.text {
        return None;
    }
    let mut own = found.split('\n');
    let mut made = output.text.split('\n');
    let mut number = 1;
    loop {
        let pair = (own.next(), made.next());
        if pair.0 != pair.1 {
            let show = |line: Option<&str>| line.map_or("(the end)".to_owned(), |line| format!("{line:?}"));
            return Some(format!(
                "{}:{number}: is stale\n  the file has:    {}\n  the spec makes:  {}",
                output.path,
                show(pair.0),
                show(pair.1),
            ));
        }
        number += 1;
    }
}

/// Files in the made folders that nothing makes.
fn leftovers(root: &Path, outputs: &[Output]) -> Result<Vec<String>, String> {
    let mut leftovers = Vec::new();
    let mut folders: Vec<String> = FOLDERS.iter().map(|folder| (*folder).to_owned()).collect();
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{folder}: {error}")),
        };
        for entry in entries {
            let entry = entry.map_err(|error| format!("{folder}: {error}"))?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if outputs.iter().all(|output| output.path != path) {
                leftovers.push(path);
            }
        }
    }
    leftovers.sort();
    Ok(leftovers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own that goes with its test.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("numcheck-codegen-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // The temporary folder is the machine's to clean where this fails.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn output(path: &str, text: &str) -> Output {
        Output { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_check_names_the_file_the_line_and_the_command() {
        let root = Folder::new("stale");
        let page = "docs/reference/page.md";
        sync(&root.0, &[output(page, "one\ntwo\nthree\n")], false).unwrap();
        sync(&root.0, &[output(page, "one\ntwo\nthree\n")], true).unwrap();
        let message = sync(&root.0, &[output(page, "one\n2\nthree\n")], true).unwrap_err();
        assert_eq!(
            message,
            "docs/reference/page.md:2: is stale\n  the file has:    \"two\"\n  the spec makes:  \"2\"\n\
             `cargo xtask codegen` mends it"
        );
    }

    #[test]
    fn a_check_writes_nothing() {
        let root = Folder::new("check");
        let message = sync(&root.0, &[output("docs/openapi/a.json", "{}\n")], true).unwrap_err();
        assert!(message.starts_with("docs/openapi/a.json: is missing\n"), "{message}");
        assert!(!root.0.join("docs").exists());
    }

    #[test]
    fn a_missing_last_line_is_shown_as_the_end() {
        let shown = difference(&output("a", "one\ntwo\n"), Some("one\n")).unwrap();
        assert!(shown.contains("a:2: is stale") && shown.contains("\"two\""), "{shown}");
        let shown = difference(&output("a", "one\n"), Some("one\ntwo\n")).unwrap();
        assert!(shown.contains("the file has:    \"two\""), "{shown}");
        let shown = difference(&output("a", "one"), Some("one\n")).unwrap();
        assert!(shown.contains("the spec makes:  (the end)"), "{shown}");
    }

    #[test]
    fn a_leftover_is_named_by_a_check_and_removed_by_a_run() {
        let root = Folder::new("leftover");
        let kept = [output("crates/protocol/src/generated/a.rs", "//!\n")];
        let both =
            [output(&kept[0].path, &kept[0].text), output("crates/protocol/tests/fixtures/b/c.json", "{}")];
        sync(&root.0, &both, false).unwrap();
        let message = sync(&root.0, &kept, true).unwrap_err();
        assert!(
            message.starts_with("crates/protocol/tests/fixtures/b/c.json: is made from nothing"),
            "{message}"
        );
        sync(&root.0, &kept, false).unwrap();
        sync(&root.0, &kept, true).unwrap();
    }
}
