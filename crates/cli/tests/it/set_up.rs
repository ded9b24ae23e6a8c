//! What is done once on a machine: completions, the manual, and which build it is.

use std::path::Path;
use std::process::Command;

use crate::help::VERBS;
use crate::support::numcheck;

/// The candidates that bash has for a command line whose last word is being typed.
fn candidates(line: &[&str]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("numcheck.bash");
    std::fs::write(&script, numcheck(["completions", "bash"]).run().exits(0).text()).unwrap();
    let asking = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _numcheck numcheck "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s\n' "${COMPREPLY[@]}""#;
    let bash =
        Command::new("bash").args(["--norc", "-c", asking, "bash"]).arg(script).args(line).output().ok()?;
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    Some(String::from_utf8(bash.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_verbs_options_and_values() {
    for (line, wanted) in [
        (&["numcheck", "re"][..], &["resume", "reconcile", "receive"][..]),
        (&["numcheck", "whatsapp", "lo"], &["login"]),
        (&["numcheck", "run", "--max-cost"], &["--max-cost", "--max-cost-per-day"]),
        (&["numcheck", "run", "--level", ""], &["basic", "call", "hlr", "privacy"]),
    ] {
        let Some(candidates) = candidates(line) else { return };
        assert!(wanted.iter().all(|word| candidates.iter().any(|of| of == word)), "{line:?}: {candidates:?}");
        let typed = line.last().unwrap();
        assert!(candidates.iter().all(|word| word.starts_with(typed)), "{line:?}: {candidates:?}");
    }
}

#[test]
fn every_shell_has_a_script_that_names_every_verb() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = numcheck(["completions", shell]).run().exits(0);
        for verb in VERBS.iter().flat_map(|verb| verb.iter()) {
            assert!(script.text().contains(verb), "{shell}: {verb}");
        }
    }
    numcheck(["completions", "tcsh"]).run().exits(2).says("powershell");
}

#[test]
fn the_manual_has_a_page_for_every_verb_which_renders_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    numcheck(["man"]).arg(&pages).run().exits(0).says("numcheck.1");
    // Pages of that name are replaced.
    numcheck(["man"]).arg(&pages).run().exits(0);
    for verb in std::iter::once(&[][..]).chain(VERBS) {
        let name = std::iter::once("numcheck").chain(verb.iter().copied()).collect::<Vec<_>>().join("-");
        let page = pages.join(format!("{name}.1"));
        let source =
            std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(source.contains("NUMCHECK_LOG"), "{name} names no environment variable");
        let Ok(groff) =
            Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"]).arg(&page).output()
        else {
            continue;
        };
        assert_eq!(String::from_utf8_lossy(&groff.stderr), "", "{name}");
    }
    let occupied = folder.path().join("file");
    std::fs::write(&occupied, "").unwrap();
    numcheck(["man"]).arg(&occupied).run().exits(1).says("the manual cannot be written to");
}

#[test]
fn the_version_names_the_commit_that_a_checkout_was_built_from() {
    let ended = numcheck(["--version"]).run().exits(0);
    let alone = concat!("numcheck ", env!("CARGO_PKG_VERSION"));
    let rest = ended.text().trim_end().strip_prefix(alone).unwrap();
    if !Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.git")).exists() {
        assert_eq!(rest, "");
        return;
    }
    let git =
        Command::new("git").args(["log", "-1", "--format= (%h %cd)", "--date=short", "--abbrev=7"]).output();
    let Ok(git) = git.map(|git| String::from_utf8(git.stdout).unwrap()) else { return };
    assert_eq!(rest, git.trim_end());
}
