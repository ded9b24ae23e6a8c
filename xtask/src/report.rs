//! Looks at reports of a sandbox's jobs in a browser: they ask nobody, fit a phone and a sheet of paper, can be read in light and dark, and show
//! the figures.
//!
//! The script stands in `xtask/report`. The pages, and pictures of them, are left in `reports` in cargo's target folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::clients::quietly;
use crate::process::{Running, free_address};
use crate::{cargo, ci};

/// What Debian and others call it.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// Where it is set, as CI does, a missing browser is a failure.
const REQUIRED: &str = "NUMCHECK_REQUIRE_BROWSER";
/// Rows whose checks end in every way, and rows that are invalid in several.
const ODD_ROWS: &str = "8613800001123\n8613800001233\n8613800001332\n8613800000103\n8613800000114\n8613800000266\n8613800003000\n8613800003205\n\
    8613800003301\n85251234567\n+852 5123 4567\nn/a\n4.47400E+11\n+44 (0)7400 123456\n138****5678\n123456789012345678\n";

/// Writes the reports and looks at them. Takes half a minute where the tests are built, and asks the package registry where `target` is new.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let is_there = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let Some(browser) = BROWSERS.iter().find(is_there) else {
        if std::env::var_os(REQUIRED).is_some() {
            return Err("no Chromium is installed, and NUMCHECK_REQUIRE_BROWSER wants one".to_owned());
        }
        println!("skipped: no Chromium is installed (Debian's package is `chromium`)");
        return Ok(());
    };
    // The command of the tests, which is built already where they have been run.
    let build = ["test", "--locked", "--workspace", "--all-features", "--no-run", "--quiet"];
    cargo::succeed(&mut ci::quiet(root, &build))?;
    let target = cargo::metadata(root)?.target_directory;
    let numcheck = target.join("debug/numcheck");
    let reports = Reports { root, made: target.join("reports"), numcheck: &numcheck };
    reports.install()?;
    let (_sandbox, account) = Running::sandbox(&numcheck, &["--callback-delay", "0s", "--minute", "1s"])?;
    reports.write("hlr", &reports.numbers()?, &account)?;
    let mobiles: String = (0..40).map(|at| format!("1380000{:04}\n", 400 + at)).collect();
    reports.write("privacy", &mobiles, &account)?;
    reports.look(browser, &["hlr", "privacy"])
}

struct Reports<'a> {
    root: &'a Path,
    made: PathBuf,
    numcheck: &'a Path,
}

impl Reports<'_> {
    fn install(&self) -> crate::Outcome {
        let failed = |error: std::io::Error| format!("{}: {error}", self.made.display());
        fs::create_dir_all(&self.made).map_err(failed)?;
        // What an earlier job has left would be reused.
        let _ = fs::remove_file(self.made.join("jobs.db"));
        for file in ["package.json", "look.mjs"] {
            fs::copy(self.root.join("xtask/report").join(file), self.made.join(file)).map_err(failed)?;
        }
        let npm = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"];
        quietly(Command::new("npm").args(npm).current_dir(&self.made))
    }

    /// Example numbers of the whole world, some countries more than others, and odd rows.
    fn numbers(&self) -> Result<String, String> {
        let examples = self.root.join("crates/tables/tests/data/example-numbers.csv");
        let examples =
            fs::read_to_string(&examples).map_err(|error| format!("{}: {error}", examples.display()))?;
        let mut rows = String::new();
        for (at, line) in examples.lines().skip(1).filter(|line| line.contains(",mobile,")).enumerate() {
            let number = line.rsplit(',').next().unwrap_or_default();
            let (head, _) = number.split_at(number.len().saturating_sub(2));
            for last in 0..=(40 / (at + 1)) {
                let _ = writeln!(rows, "{head}{:02}", last + 10);
            }
        }
        Ok(rows + ODD_ROWS)
    }

    /// Checks the rows at a level, and writes the report and its figures.
    fn write(&self, level: &str, rows: &str, account: &BTreeMap<String, String>) -> crate::Outcome {
        let at = |end: &str| self.made.join(format!("{level}.{end}"));
        fs::write(at("csv"), format!("phone\n{rows}")).map_err(|error| format!("{level}.csv: {error}"))?;
        let listen = free_address()?;
        let url = format!("http://{listen}");
        let (csv, out) = (format!("{level}.csv"), format!("{level}-out.csv"));
        let mut run = vec!["run", &csv, "--level", level, "--yes", "--json", "-o", &out];
        if level == "privacy" {
            run.extend(["--price", "privacy:*=0.05CNY"]);
        } else {
            run.extend(["--listen", &listen, "--public-url", &url, "--minute", "1s", "--wait", "5s"]);
        }
        let job = self.call(&run, account)?;
        let job = job.get("job").and_then(Value::as_str).ok_or("the summary names no job")?;
        let figures = self.call(&["report", job, "--json", "-o", &format!("{level}.html")], account)?;
        fs::write(at("json"), figures.to_string()).map_err(|error| format!("{level}.json: {error}"))
    }

    /// What the command says on standard output, in JSON. Invalid rows, and those without a result, are no failure here.
    fn call(&self, arguments: &[&str], account: &BTreeMap<String, String>) -> Result<Value, String> {
        let mut command = Command::new(self.numcheck);
        command.args(arguments).current_dir(&self.made).envs(account);
        let ended = command.env("NUMCHECK_STORE", "jobs.db").output();
        let ended = ended.map_err(|error| format!("{}: {error}", self.numcheck.display()))?;
        match ended.status.code() {
            Some(0 | 3) => serde_json::from_slice(&ended.stdout).map_err(|error| error.to_string()),
            _ => Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr))),
        }
    }

    fn look(&self, browser: &str, names: &[&str]) -> crate::Outcome {
        let browser = which(browser).ok_or_else(|| format!("{browser} is nowhere in PATH"))?;
        let mut command = Command::new("node");
        command.arg("look.mjs").arg(browser).arg(&self.made).args(names).current_dir(&self.made);
        quietly(&mut command)?;
        println!("{}: passed; pictures are in {}", names.join(", "), self.made.display());
        Ok(())
    }
}

/// Where a program is: the script wants its path.
fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
