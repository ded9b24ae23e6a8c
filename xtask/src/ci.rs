//! The CI's jobs, in their order. Each is also a command of its own: `cargo xtask ci JOB`.
//!
//! It must not hold a rule: a job only calls a check or cargo, and says how it ended and how long it took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{cargo, clients, codegen, features, layers, no_std, publish, readme, report, tidy};

/// Rounds of killing real runs; a plain `cargo test` does fewer.
const TORTURE_ROUNDS: &str = "50";
/// What is drawn at random is the same in every CI run, so that a change is judged by what it changes. `cargo xtask torture` draws anew.
const SEED: &str = "20261128";

struct Job {
    name: &'static str,
    /// For the list and the heading.
    what: &'static str,
    /// What it does; a job that runs tests leaves their count behind, passed or not.
    run: fn(&Path, &mut Option<Tally>) -> crate::Outcome,
}

/// Cheap ones first: a wrong arrow should not wait for the tests.
const JOBS: &[Job] = &[
    Job { name: "fmt", what: "formatting", run: |root, _| fmt(root) },
    Job { name: "codegen", what: "generated code and pages are fresh", run: |_, _| codegen::run(true) },
    Job { name: "layers", what: "no arrow outside the design's table", run: |root, _| layers::run(root) },
    Job { name: "tidy", what: "house rules", run: |root, _| tidy::run(root) },
    Job { name: "weights", what: "few crates below each crate", run: |root, _| publish::weights(root) },
    Job {
        name: "sqlite",
        what: "SQLite's bindings fit those of others",
        run: |root, _| publish::sqlite(root),
    },
    Job { name: "no-std", what: "the lowest crates need no std", run: |root, _| no_std::run(root) },
    Job { name: "clippy", what: "lints, warnings denied", run: |root, _| clippy(root) },
    Job { name: "test", what: "tests and doc tests", run: test },
    Job {
        name: "clients",
        what: "clients made from the OpenAPI documents work",
        run: |root, _| clients::run(root),
    },
    Job {
        name: "readme",
        what: "every command line of the documents, in order",
        run: |root, _| readme::run(root),
    },
    Job { name: "report", what: "reports in a browser", run: |root, _| report::run(root) },
    Job { name: "docs", what: "documentation without warnings", run: |root, _| docs(root) },
    Job { name: "features", what: "each crate and feature alone", run: |root, _| features::run(root) },
    Job {
        name: "package",
        what: "each crate builds from its own package",
        run: |root, _| publish::package(root),
    },
];

/// What the harnesses' closing lines add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// Runs every job, or the one that is named; stops at the first that fails.
pub(crate) fn run(root: &Path, name: Option<&str>) -> crate::Outcome {
    let jobs: Vec<&Job> = JOBS.iter().filter(|job| name.is_none_or(|name| name == job.name)).collect();
    if jobs.is_empty() {
        let names: Vec<_> = JOBS.iter().map(|job| job.name).collect();
        return Err(format!(
            "no job is called `{}`; there are: {}",
            name.unwrap_or_default(),
            names.join(", ")
        ));
    }
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let mut tally = None;
    for job in &jobs {
        println!("\n=== {}: {}", job.name, job.what);
        flush();
        let start = Instant::now();
        let outcome = (job.run)(root, &mut tally);
        let took = start.elapsed();
        match outcome {
            Ok(()) => {
                println!("=== {}: passed in {}", job.name, seconds(took));
                done.push((job.name, took));
            }
            Err(message) => {
                flush();
                eprintln!("{message}");
                let after: Vec<_> = jobs.iter().skip(done.len() + 1).map(|job| job.name).collect();
                println!("{}", table(&done, Some((job.name, took)), &after));
                closing_line(tally);
                return Err(format!(
                    "job `{name}` failed; `cargo xtask ci {name}` runs it alone",
                    name = job.name
                ));
            }
        }
        flush();
    }
    println!("{}", table(&done, None, &[]));
    closing_line(tally);
    Ok(())
}

/// Names the jobs.
pub(crate) fn list() {
    for job in JOBS {
        println!("{:<10} {}", job.name, job.what);
    }
}

fn fmt(root: &Path) -> crate::Outcome {
    cargo::succeed(&mut quiet(root, &["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> crate::Outcome {
    let args =
        ["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"];
    cargo::succeed(&mut quiet(root, &args))
}

fn docs(root: &Path) -> crate::Outcome {
    let mut command = quiet(root, &["doc", "--locked", "--workspace", "--no-deps", "--all-features"]);
    cargo::succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Runs all tests even when some fail. The torture comes last and by itself: each of its tests keeps the machine busy, and waits for real time.
fn test(root: &Path, tally: &mut Option<Tally>) -> crate::Outcome {
    const ALL: [&str; 5] = ["test", "--locked", "--workspace", "--all-features", "--no-fail-fast"];
    let tally = tally.insert(Tally::default());
    let others = run_tests(root, &[&ALL[..], &["--", "--skip", "torture::"]].concat(), tally);
    let torture = ["--test", "it", "--", "torture::", "--test-threads", "1"];
    let torture = run_tests(root, &[&ALL[..], &torture].concat(), tally);
    others.and(torture)
}

/// Shows what tests say as it comes, and adds up their closing lines.
fn run_tests(root: &Path, args: &[&str], tally: &mut Tally) -> crate::Outcome {
    let mut child = quiet(root, args)
        .env("NUMCHECK_TORTURE_ROUNDS", TORTURE_ROUNDS)
        .env("NUMCHECK_TORTURE_SEED", SEED)
        .env("PROPTEST_RNG_SEED", SEED)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        // By bytes: what a test prints need not be text.
        while lines
            .read_until(b'\n', &mut line)
            .map_err(|error| format!("cannot read from cargo: {error}"))?
            > 0
        {
            let mut out = std::io::stdout().lock();
            out.write_all(&line)
                .and_then(|()| out.flush())
                .map_err(|error| format!("cannot write: {error}"))?;
            tally.add(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`cargo test` failed: {status}")) }
}

impl Tally {
    /// Adds `test result: ok. 12 passed; 0 failed; …`; any other line counts nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) =
            line.trim().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            match part.split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// Cargo as the CI wants it: nothing incremental, which would only fill the disk, and no progress bar in a log.
pub(crate) fn quiet(root: &Path, args: &[&str]) -> Command {
    let mut command = cargo::command(root, args);
    if std::env::var_os("CARGO_INCREMENTAL").is_none() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command.env("CARGO_TERM_PROGRESS_WHEN", "never");
    command
}

fn table(done: &[(&str, Duration)], failed: Option<(&str, Duration)>, after: &[&str]) -> String {
    let mut lines = vec![String::new(), format!("{:<10} {:<8} {:>8}", "job", "result", "time")];
    let row = |name: &str, result: &str, took: Option<Duration>| {
        format!("{name:<10} {result:<8} {:>8}", took.map(seconds).unwrap_or_default()).trim_end().to_owned()
    };
    lines.extend(done.iter().map(|(name, took)| row(name, "passed", Some(*took))));
    lines.extend(failed.map(|(name, took)| row(name, "FAILED", Some(took))));
    lines.extend(after.iter().map(|name| row(name, "not run", None)));
    let total: Duration = done.iter().chain(failed.iter()).map(|(_, took)| *took).sum();
    lines.push(row("all", "", Some(total)));
    lines.join("\n")
}

/// The tests of the run in one plain line, for whoever reads only the last one.
fn closing_line(tally: Option<Tally>) {
    if let Some(Tally { passed, failed }) = tally {
        println!("{passed} passed, {failed} failed");
    }
    flush();
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// What cargo below writes must not overtake what was printed here.
fn flush() {
    // A closed stdout is noticed by the next print.
    let _ = std::io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
        tally.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
        tally.add("test tests::passed ... ok");
        assert_eq!(tally, Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn the_table_says_what_was_not_run() {
        let second = Duration::from_secs(1);
        let table = table(&[("fmt", second)], Some(("clippy", second)), &["test"]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "fmt        passed      1.0 s");
        assert_eq!(lines[3], "clippy     FAILED      1.0 s");
        assert_eq!(lines[4], "test       not run");
        assert_eq!(lines[5], "all                    2.0 s");
    }

    #[test]
    fn an_unknown_job_is_told_the_known_ones() {
        let message = run(Path::new("."), Some("tests")).expect_err("there is no such job");
        assert!(message.contains("`tests`") && message.contains("clippy"), "{message}");
    }
}
