//! A run of a small file with a platform that does as it is told.

use std::fs;
use std::path::PathBuf;

use super::{Call, Platform, Row, Running, column, numcheck, rows};

/// A folder with a file of numbers, one a line.
pub(crate) struct Job {
    pub(crate) dir: tempfile::TempDir,
    /// Where its store is.
    kept: tempfile::TempDir,
    pub(crate) platform: Platform,
}

impl Job {
    /// Numbers of Hong Kong, so that they are of one country: 85251000000, 85251000001, …
    pub(crate) fn of(count: usize) -> Self {
        let numbers = (0..count).map(|at| format!("{}\n", number(at))).collect::<String>();
        Self::with(&numbers)
    }

    pub(crate) fn with(content: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("numbers.txt"), content).unwrap();
        Self { dir, kept: tempfile::tempdir().unwrap(), platform: Platform::start() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.kept.path().join("jobs.db")
    }

    /// What was quarantined: results of no number, or second ones with other content.
    pub(crate) fn quarantine(&self) -> String {
        let call = numcheck(["receive", "--show-quarantine"]).env("NUMCHECK_STORE", self.store());
        call.run().exits(0).text().to_owned()
    }

    /// Writes the results so far, as another process may at any time.
    pub(crate) fn export(&self) -> Vec<Row> {
        let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", self.store()).run().exits(0).json();
        let call = numcheck(["export", jobs["job"].as_str().unwrap()]).env("NUMCHECK_STORE", self.store());
        rows(&call.run().exits_with(&[0, 3]).stdout)
    }

    /// The states of the rows as the store has them now.
    pub(crate) fn states_in_the_store(&self) -> Vec<String> {
        column(&self.export(), "check_state").into_iter().map(str::to_owned).collect()
    }

    /// The run, with the summary as JSON on standard output.
    pub(crate) fn run(&self) -> Call {
        let run = self.platform.run(&self.path("numbers.txt")).env("NUMCHECK_STORE", self.store());
        run.arg("-o").arg(self.path("out.csv")).arg("--json")
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.run().args(arguments).start()
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        rows(&fs::read(self.path("out.csv")).unwrap())
    }

    pub(crate) fn states(&self) -> Vec<String> {
        column(&self.rows(), "check_state").into_iter().map(str::to_owned).collect()
    }

    /// The names of the files in its folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.dir.path()).unwrap().map(name).collect();
        names.sort();
        names
    }
}

pub(crate) fn number(at: usize) -> String {
    format!("8525{:07}", 1_000_000 + at)
}
