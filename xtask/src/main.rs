//! The project's own chores: `cargo xtask codegen`, `cargo xtask check`, `cargo xtask ci`.
//!
//! It must not depend on any crate of the workspace: broken generated code must not stop its own repair.
//! It must not hold a chore itself: this file only reads the arguments and picks the module.

// A terminal tool: its findings are its output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench_job;
mod cargo;
mod ci;
mod clients;
mod codegen;
mod features;
mod layers;
mod names;
mod no_std;
mod process;
mod publish;
mod readme;
mod report;
mod tidy;
mod torture;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What went wrong, in words for whoever ran the command.
type Outcome = Result<(), String>;

const HELP: &str = "\
The project's own chores.

  cargo xtask codegen             write everything that is made from crates/protocol/spec
  cargo xtask codegen --check     compare instead of writing; fail when anything is stale
  cargo xtask check layers        which crate may use which, and what none may ever reach
  cargo xtask check tidy          house rules about files, words and places
  cargo xtask check no-std        the lowest crates build without the standard library
  cargo xtask check features      every crate without features, and with each feature alone
  cargo xtask check weights       how many third-party crates stand below each crate
  cargo xtask check sqlite        the store in a file resolves beside sqlx, diesel, tokio-rusqlite and r2d2
  cargo xtask check package       each crate builds from its own package
  cargo xtask check semver COMMIT the public API beside that of a commit (needs cargo-semver-checks)
  cargo xtask ci                  everything above and the tests, as the CI runs it
  cargo xtask ci JOB              one job of it; `cargo xtask ci --list` names them
  cargo xtask torture             kill real runs: `--rounds N` (50), `--seed S` (another one every time),
                                  `--store sqlite|postgres` (both)
  cargo xtask bench               what decoding, encoding, signing and calling cost beside their peers, as ratios
  cargo xtask bench-job           what a job costs at 10 thousand to 5 million numbers: `--sizes N,N`, `--limits`, …
  cargo xtask --help              this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        [] | ["--help" | "-h" | "help"] => {
            print!("{HELP}");
            Ok(())
        }
        ["codegen"] => codegen::run(false),
        ["codegen", "--check"] => codegen::run(true),
        ["check", "layers"] => layers::run(&root()),
        ["check", "tidy"] => tidy::run(&root()),
        ["check", "no-std"] => no_std::run(&root()),
        ["check", "weights"] => publish::weights(&root()),
        ["check", "sqlite"] => publish::sqlite(&root()),
        ["check", "semver", commit] => publish::semver(&root(), commit),
        ["check", "package"] => publish::package(&root()),
        ["check", "features"] => features::run(&root()),
        ["ci"] => ci::run(&root(), None),
        ["ci", "--list"] => {
            ci::list();
            Ok(())
        }
        ["bench"] => {
            cargo::succeed(&mut cargo::command(&root(), &["run", "--release", "--package", "numcheck-bench"]))
        }
        ["bench-job", args @ ..] => bench_job::run(&root(), args),
        ["torture", args @ ..] => torture::run(&root(), args),
        ["ci", job] => ci::run(&root(), Some(job)),
        other => Err(format!("`cargo xtask {}` is not known\n\n{HELP}", other.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root, wherever the command was started.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
