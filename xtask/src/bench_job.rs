//! A job of a million numbers in figures: `cargo xtask bench-job`. The command plans, runs and exports against a sandbox in another process.
//!
//! It prints what each part took, and what a number costs at one size beside the size before. It must not judge: machines differ.

mod numbers;
mod process;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo;
use process::{Ended, Running};

/// What is measured when nobody says otherwise.
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
/// A platform whose minute is shorter has limits that are as much wider: at six seconds 200 000 numbers a second.
const WITHOUT_LIMITS: &str = "6s";

const HELP: &str = "`cargo xtask bench-job` takes `--sizes 10000,1000000`, `--limits` (keep to the platform's 20 000 numbers a \
    second), `--folder DIR` (1.5 GB for the largest size) and `--store postgres://…` (empty, one size)";

struct Options {
    sizes: Vec<u64>,
    minute: &'static str,
    folder: PathBuf,
    store: Option<String>,
}

/// Measures every size.
pub(crate) fn run(root: &Path, args: &[&str]) -> crate::Outcome {
    let options = read(root, args)?;
    cargo::succeed(&mut cargo::command(root, &["build", "--locked", "--release", "--package", "numcheck"]))?;
    let numcheck = cargo::metadata(root)?.target_directory.join("release/numcheck");
    let mut before: Option<(u64, Vec<Part>)> = None;
    for size in &options.sizes {
        let folder = options.folder.join(size.to_string());
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let parts = measure(&numcheck, &folder, *size, &options)?;
        tell(*size, &parts, before.as_ref());
        before = Some((*size, parts));
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(())
}

fn read(root: &Path, args: &[&str]) -> Result<Options, String> {
    let mut options = Options {
        sizes: SIZES.to_vec(),
        minute: WITHOUT_LIMITS,
        folder: cargo::metadata(root)?.target_directory.join("bench-job"),
        store: None,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| HELP.to_owned());
        match *arg {
            "--limits" => options.minute = "60s",
            "--folder" => options.folder = PathBuf::from(value()?),
            "--store" => options.store = Some((*value()?).to_owned()),
            "--sizes" => {
                let sizes: Result<_, _> = value()?.split(',').map(str::parse).collect();
                options.sizes = sizes.map_err(|_| HELP.to_owned())?;
            }
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(options)
}

/// One part of a job.
struct Part {
    name: &'static str,
    ended: Ended,
}

fn measure(numcheck: &Path, folder: &Path, size: u64, options: &Options) -> Result<Vec<Part>, String> {
    let file = folder.join("numbers.csv");
    numbers::write(&file, size).map_err(|error| format!("{}: {error}", file.display()))?;
    let store = options.store.clone().unwrap_or_else(|| folder.join("jobs.db").display().to_string());
    let (sandbox, account) = Running::sandbox(numcheck)?;
    let of_account = |args: &[&str]| {
        let mut running = Running::new(numcheck, args);
        running.env("NUMCHECK_STORE", &store);
        for (name, value) in &account {
            running.env(name, value);
        }
        running
    };
    let path = |name: &str| folder.join(name).display().to_string();
    let (listen, output, again) = (process::free_address()?, path("results.csv"), path("again.csv"));
    let (file, url) = (file.display().to_string(), format!("http://{listen}"));

    let planned = of_account(&["plan", &file, "--json"]).finish()?;
    let run = [
        "run",
        &file,
        "--listen",
        &listen,
        "--public-url",
        &url,
        "--minute",
        options.minute,
        "--yes",
        "--json",
        "-o",
        &output,
    ];
    let ran = of_account(&run).finish()?;
    let summary: Value = serde_json::from_str(&ran.stdout).map_err(|error| format!("run: {error}"))?;
    let figure = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or_default();
    if figure("rows") != size || figure("done") + figure("duplicate") != size {
        return Err(format!("not every row is done: {summary}"));
    }
    let job = summary.get("job").and_then(Value::as_str).unwrap_or_default();
    let exported = of_account(&["export", job, "-o", &again]).finish()?;
    drop(sandbox);
    if !same(&output, &again)? {
        return Err("the export differs from what the run has written".to_owned());
    }
    Ok(vec![
        Part { name: "plan", ended: planned },
        Part { name: "run", ended: ran },
        Part { name: "export", ended: exported },
    ])
}

fn same(one: &str, other: &str) -> Result<bool, String> {
    let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
    Ok(read(one)? == read(other)?)
}

/// Shows the figures; a terminal tool's findings are its output.
fn tell(size: u64, parts: &[Part], before: Option<&(u64, Vec<Part>)>) {
    println!("{size} numbers");
    for part in parts {
        let each = |ended: &Ended, of: u64| {
            (ended.took.as_secs_f64() * 1e6 / of as f64, ended.cpu * 1e6 / of as f64)
        };
        let (time, cpu) = each(&part.ended, size);
        print!(
            "  {:<8} {:>8.2} s {:>8.2} us each, {cpu:>6.2} us of a processor each, at most {:>4} MiB",
            part.name,
            part.ended.took.as_secs_f64(),
            time,
            part.ended.peak_kib / 1024
        );
        let same_part =
            before.and_then(|(of, parts)| Some((of, parts.iter().find(|other| other.name == part.name)?)));
        match same_part {
            Some((of, other)) => {
                let (time_before, cpu_before) = each(&other.ended, *of);
                println!(";  {:.2} and {:.2} of the cost at {of}", time / time_before, cpu / cpu_before);
            }
            None => println!(),
        }
    }
}
