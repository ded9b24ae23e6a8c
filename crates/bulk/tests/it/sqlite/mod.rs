//! The store in a file: the suite that every store passes, and what is true of a file only.

mod backup;
mod examine;
mod faults;
mod forgetting;
mod killed;
mod marks;
mod opening;
mod reread;
mod rest;
mod upgrade;
mod versions;

use numcheck_bulk::conformance::reader::reader;
use std::path::PathBuf;
use std::sync::Arc;

use numcheck_bulk::conformance::Place;
use numcheck_bulk::{Sqlite, conformance};

/// A file in a folder of its own.
struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    /// Everything that stands in the store's files.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

impl Place for File {
    type Store = Sqlite;

    async fn open(&self) -> Arc<Sqlite> {
        Arc::new(Sqlite::open(&self.path(), reader()).unwrap())
    }
}

conformance!(File::new());
