//! A run of a small file with a platform that does as it is told.

use std::fs;
use std::path::PathBuf;

use super::{Call, Platform, Row, Running, column, rows};

/// A folder with a file of numbers, one a line.
pub(crate) struct Job {
    pub(crate) dir: tempfile::TempDir,
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
        Self { dir, platform: Platform::start() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path("out.csv.journal")
    }

    /// The run, with the summary as JSON on standard output.
    pub(crate) fn run(&self) -> Call {
        self.platform.run(&self.path("numbers.txt")).arg("-o").arg(self.path("out.csv")).arg("--json")
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
