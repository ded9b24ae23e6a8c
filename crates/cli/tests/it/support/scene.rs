//! A sandbox that counts what it is paid for, a store, and files of phone numbers.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{Call, Row, Sandbox, free_address, numcheck, rows};

/// How many numbers the usual file holds.
pub(crate) const NUMBERS: usize = 40;

pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) dir: tempfile::TempDir,
    kept: tempfile::TempDir,
}

impl Scene {
    /// A sandbox that checks at once and answers queries at any pace.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let quick = ["--callback-delay", "10ms", "--query-pace", "off"];
        let sandbox = Sandbox::start_with(&[&quick[..], arguments].concat());
        let scene = Self { sandbox, dir: tempfile::tempdir().unwrap(), kept: tempfile::tempdir().unwrap() };
        scene.write("numbers.csv", &usual());
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.kept.path().join("jobs.db")
    }

    /// The names of the files beside the store, itself included.
    pub(crate) fn store_files(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.kept.path()).unwrap().map(name).collect();
        names.sort();
        names
    }

    /// A verb with the account and the store.
    pub(crate) fn call(&self, arguments: &[&str]) -> Call {
        numcheck(arguments).envs(self.sandbox.account()).env("NUMCHECK_STORE", self.store())
    }

    /// `numcheck run` of a file of its folder, with the summary as JSON on standard output.
    pub(crate) fn run(&self, name: &str) -> Call {
        self.run_to(name, "out.csv")
    }

    pub(crate) fn run_to(&self, name: &str, out: &str) -> Call {
        let listen = free_address();
        let url = format!("http://{listen}");
        let call = self.call(&["run", "--json", "--listen", &listen, "--public-url", &url]);
        call.arg(self.path(name)).arg("-o").arg(self.path(out))
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        rows(&fs::read(self.path("out.csv")).unwrap())
    }

    /// One of the sandbox's own pages.
    pub(crate) fn page(&self, name: &str) -> Value {
        let page = super::get(&format!("{}/_sandbox/{name}", self.sandbox.text("nxcloud"))).unwrap();
        serde_json::from_str(&page).unwrap()
    }

    /// How many numbers were accepted in all, how many different ones, and how many were paid twice.
    pub(crate) fn accepted(&self) -> (u64, u64, u64) {
        let tally = self.page("tally.json");
        let count = |name: &str| tally[name].as_u64().unwrap();
        (count("accepted"), count("distinct"), count("paid_twice"))
    }

    /// What was charged in a currency, in ten-thousandths.
    pub(crate) fn charged(&self, currency: &str) -> i64 {
        let ledger = self.page("ledger.json");
        let lines = ledger["lines"].as_array().unwrap().iter().filter(|line| line["currency"] == currency);
        lines.map(|line| ten_thousandths(line["amount"].as_str().unwrap())).sum()
    }
}

fn ten_thousandths(amount: &str) -> i64 {
    let (whole, fraction) = amount.split_once('.').unwrap();
    assert_eq!(fraction.len(), 4, "{amount}");
    whole.parse::<i64>().unwrap() * 10_000 + fraction.parse::<i64>().unwrap()
}

/// A number of Hong Kong that no rule of the sandbox treats in a special way.
pub(crate) fn phone(at: usize) -> String {
    format!("8525{}", 1_111_111 + at)
}

/// A file with one column.
pub(crate) fn file_of(numbers: impl IntoIterator<Item = usize>) -> String {
    let rows: String = numbers.into_iter().map(|at| format!("{}\n", phone(at))).collect();
    format!("phone\n{rows}")
}

/// The usual file.
pub(crate) fn usual() -> String {
    file_of(0..NUMBERS)
}
