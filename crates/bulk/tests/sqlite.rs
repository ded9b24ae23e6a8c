//! The store in a file: the suite that every store passes, and what is true of a file only.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used)]

mod conformance;

use std::sync::Arc;

use conformance::Place;
use numcheck_bulk::Sqlite;

/// A file in a folder of its own.
struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Place for File {
    type Store = Sqlite;

    async fn open(&self) -> Arc<Sqlite> {
        Arc::new(Sqlite::open(&self.0.path().join("jobs.db")).unwrap())
    }
}

conformance!(File::new());
