//! A job of a million numbers in figures: `cargo xtask bench-job`. The command plans, runs and exports against a sandbox in another process.
//!
//! It prints what each part took, and what a number costs at one size beside the size before. It must not judge: machines differ.

mod numbers;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo;
use crate::process::{self, Background, Ended, Running};

/// What is measured when nobody says otherwise.
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
/// A platform whose minute is shorter has limits that are as much wider: at six seconds 200 000 numbers a second.
const WITHOUT_LIMITS: &str = "6s";
/// How many numbers are checked beside a book.
const BESIDE: u64 = 100_000;

const HELP: &str = "`cargo xtask bench-job` takes `--sizes 10000,1000000`, `--book 5000000` (instead: 100 000 beside an empty book and \
    beside one of so many), `--limits` (keep to the platform's 20 000 numbers a second), `--folder DIR` (1.5 GB for the largest size), \
    `--numcheck PROGRAM` (another build) and `--store postgres://…` (empty, one size)";

struct Options {
    sizes: Vec<u64>,
    book: Option<u64>,
    numcheck: PathBuf,
    minute: &'static str,
    folder: PathBuf,
    store: Option<String>,
}

/// Measures every size.
pub(crate) fn run(root: &Path, args: &[&str]) -> crate::Outcome {
    let options = read(root, args)?;
    if let Some(book) = options.book {
        return beside_a_book(book, &options);
    }
    let mut before: Option<(u64, Vec<Part>)> = None;
    for size in &options.sizes {
        let folder = empty_folder(&options, &size.to_string())?;
        let parts = Bench::new(&folder, &options)?.job(0..*size)?;
        tell(&format!("{size} numbers"), *size, &parts, before.as_ref());
        before = Some((*size, parts));
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(())
}

/// What the book of earlier checks costs: the same run beside an empty one and beside a large one, and a plan of what it holds.
fn beside_a_book(book: u64, options: &Options) -> crate::Outcome {
    let folder = empty_folder(options, "empty")?;
    let alone = Bench::new(&folder, options)?.job(book..book + BESIDE)?;
    tell("beside an empty book", BESIDE, &alone, None);
    let folder = empty_folder(options, "book")?;
    let bench = Bench::new(&folder, options)?;
    tell(&format!("{book} numbers, to fill the book"), book, &bench.job(0..book)?, None);
    let beside = bench.job(book..book + BESIDE)?;
    tell("beside that book", BESIDE, &beside, Some(&(BESIDE, alone)));
    let reused = book.min(1_000_000);
    let planned = vec![Part { name: "plan", ended: bench.plan(0..reused)? }];
    tell(&format!("{reused} numbers, all of them in the book"), reused, &planned, None);
    let _ = std::fs::remove_dir_all(&options.folder);
    Ok(())
}

fn empty_folder(options: &Options, name: &str) -> Result<PathBuf, String> {
    let folder = options.folder.join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn read(root: &Path, args: &[&str]) -> Result<Options, String> {
    let target = cargo::metadata(root)?.target_directory;
    let mut options = Options {
        sizes: SIZES.to_vec(),
        book: None,
        numcheck: target.join("release/numcheck"),
        minute: WITHOUT_LIMITS,
        folder: target.join("bench-job"),
        store: None,
    };
    let mut is_built = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| HELP.to_owned());
        match *arg {
            "--limits" => options.minute = "60s",
            "--folder" => options.folder = PathBuf::from(value()?),
            "--store" => options.store = Some((*value()?).to_owned()),
            "--book" => options.book = Some(value()?.parse().map_err(|_| HELP.to_owned())?),
            "--numcheck" => (options.numcheck, is_built) = (PathBuf::from(value()?), true),
            "--sizes" => {
                let sizes: Result<_, _> = value()?.split(',').map(str::parse).collect();
                options.sizes = sizes.map_err(|_| HELP.to_owned())?;
            }
            _ => return Err(HELP.to_owned()),
        }
    }
    if !is_built {
        let build = ["build", "--locked", "--release", "--package", "numcheck"];
        cargo::succeed(&mut cargo::command(root, &build))?;
    }
    Ok(options)
}

/// One part of a job.
struct Part {
    name: &'static str,
    ended: Ended,
}

/// A store and a platform.
struct Bench<'a> {
    folder: &'a Path,
    options: &'a Options,
    store: String,
    _sandbox: Background,
    account: BTreeMap<String, String>,
}

impl<'a> Bench<'a> {
    fn new(folder: &'a Path, options: &'a Options) -> Result<Self, String> {
        let store = options.store.clone().unwrap_or_else(|| folder.join("jobs.db").display().to_string());
        let (sandbox, account) = Running::sandbox(&options.numcheck, &[])?;
        Ok(Self { folder, options, store, _sandbox: sandbox, account })
    }

    fn numcheck(&self, args: &[&str]) -> Running {
        let mut running = Running::new(&self.options.numcheck, args);
        running.env("NUMCHECK_STORE", &self.store);
        for (name, value) in &self.account {
            running.env(name, value);
        }
        running
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn file(&self, rows: Range<u64>) -> Result<String, String> {
        let file = self.path(&format!("{}-{}.csv", rows.start, rows.end));
        numbers::write(Path::new(&file), rows).map_err(|error| format!("{file}: {error}"))?;
        Ok(file)
    }

    fn plan(&self, rows: Range<u64>) -> Result<Ended, String> {
        self.numcheck(&["plan", &self.file(rows)?, "--json"]).finish()
    }

    /// Plans, runs and exports a file of these rows.
    fn job(&self, rows: Range<u64>) -> Result<Vec<Part>, String> {
        let size = rows.end - rows.start;
        let file = self.file(rows.clone())?;
        let (listen, output, again) =
            (process::free_address()?, self.path("results.csv"), self.path("again.csv"));
        let url = format!("http://{listen}");
        let planned = self.plan(rows)?;
        let run = [
            "run",
            &file,
            "--listen",
            &listen,
            "--public-url",
            &url,
            "--minute",
            self.options.minute,
            "--yes",
            "--json",
            "-o",
            &output,
        ];
        let ran = self.numcheck(&run).finish()?;
        let summary: Value = serde_json::from_str(&ran.stdout).map_err(|error| format!("run: {error}"))?;
        let figure = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or_default();
        if figure("rows") != size || figure("done") + figure("duplicate") != size {
            return Err(format!("not every row is done: {summary}"));
        }
        let job = summary.get("job").and_then(Value::as_str).unwrap_or_default();
        let exported = self.numcheck(&["export", job, "-o", &again]).finish()?;
        if !same(&output, &again)? {
            return Err("the export differs from what the run has written".to_owned());
        }
        Ok(vec![
            Part { name: "plan", ended: planned },
            Part { name: "run", ended: ran },
            Part { name: "export", ended: exported },
        ])
    }
}

fn same(one: &str, other: &str) -> Result<bool, String> {
    let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
    Ok(read(one)? == read(other)?)
}

/// Shows the figures; a terminal tool's findings are its output.
fn tell(what: &str, size: u64, parts: &[Part], before: Option<&(u64, Vec<Part>)>) {
    println!("{what}");
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
