//! Signed pushes from `numcheck sandbox` to `numcheck run`: verified, required, and refused where they are not signed.

use std::fs;
use std::path::Path;

use crate::support::{Call, Sandbox, column, free_address, numcheck, rows};

const NUMBERS: &str = "85251234567\n85251234568\n85251234569\n";

/// A run of three numbers that takes results in at an address of its own, and only signed ones.
fn run(dir: &Path, sandbox: &Sandbox) -> Call {
    fs::write(dir.join("numbers.txt"), NUMBERS).unwrap();
    let address = free_address();
    let url = format!("http://{address}");
    let call = numcheck(["run", "--listen", &address, "--public-url", &url, "--require-signed-pushes"]);
    call.arg(dir.join("numbers.txt")).arg("-o").arg(dir.join("out.csv")).envs(sandbox.account())
}

#[test]
fn signed_results_are_verified_and_stored_in_either_dialect_and_by_either_hash() {
    for (algorithm, dialect) in [("md5", "v1"), ("sha256", "v1"), ("sha256", "v2")] {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start_with(&[
            "--sign-pushes",
            algorithm,
            "--dialect",
            dialect,
            "--callback-delay",
            "50ms",
        ]);
        let ended = run(dir.path(), &sandbox).run().exits(0);
        assert!(!ended.stderr.contains("signed"), "{}", ended.stderr);
        let rows = rows(&fs::read(dir.path().join("out.csv")).unwrap());
        assert_eq!(column(&rows, "check_state"), ["done"; 3], "{algorithm} {dialect}");
    }
}

#[test]
fn where_signatures_are_required_unsigned_results_are_refused_said_once_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start_with(&["--callback-delay", "50ms"]);
    let ended = run(dir.path(), &sandbox).args(["--wait", "1s"]).run().exits(3);
    let rows = rows(&fs::read(dir.path().join("out.csv")).unwrap());
    assert_eq!(column(&rows, "check_state"), ["pending"; 3]);
    assert_eq!(ended.stderr.matches("it was answered with 401").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("3 requests turned away: HTTP 401"), "{}", ended.stderr);
    let journal = crate::support::get(&format!("{}/_sandbox/journal.json", sandbox.text("nxcloud"))).unwrap();
    assert!(journal.contains("401"), "{journal}");
}

#[test]
fn what_cannot_be_verified_is_not_required() {
    let address = free_address();
    let call = numcheck(["receive", "--listen", &address, "--require-signed-pushes"]);
    call.env("NXCLOUD_ACCESS_KEY", "key").run().exits(2).says("NXCLOUD_ACCESS_SECRET");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("numbers.txt"), NUMBERS).unwrap();
    let call = numcheck(["run", "--sandbox", "--require-signed-pushes"]).arg(dir.path().join("numbers.txt"));
    call.run().exits(2).says("--require-signed-pushes");
}

#[test]
fn every_level_of_every_revision_of_the_second_dialect_comes_through_the_command() {
    for (dialect, level, known) in [
        ("v2", "basic", "check_number_type"),
        ("v2", "hlr", "check_mcc"),
        ("v2-2023", "call", "check_ring"),
        ("v2-first-days", "call", "check_response"),
        ("v2-first-days", "hlr", "check_ported"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let sandbox =
            Sandbox::start_with(&["--sign-pushes", "md5", "--dialect", dialect, "--callback-delay", "50ms"]);
        let summary = run(dir.path(), &sandbox).args(["--level", level, "--json"]).run().exits(0).json();
        let rows = rows(&fs::read(dir.path().join("out.csv")).unwrap());
        assert_eq!(column(&rows, "check_state"), ["done"; 3], "{dialect} {level}");
        assert!(rows.iter().all(|row| !row[known].is_empty()), "{dialect} {level}: {rows:?}");
        assert_eq!(summary["drift"], serde_json::json!([]), "{dialect} {level}");
    }
}
