//! The store in a file: SQLite, written by one thread, read by another.
//!
//! It answers once the device has what it was given: every commit is synchronous. Results that arrive together share one
//! commit; folding them in takes turns with them, in slices short enough that nobody waits for long.

mod connection;
mod copy;
mod examine;
mod fault;
mod file;
mod schema;
mod turns;
mod tx;
mod unfinished;
mod upgrade;
mod worker;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::Transaction;

use crate::sql::prelude::*;
use crate::store::reading::SharedReader;

use fault::Fault;
pub use upgrade::Upgrade;
use worker::Worker;

/// A store in a file. Other processes may use the same file at the same time.
///
/// Dropping it waits until everything that was asked of it is done, and for some commits. The last one to go, of all processes, leaves
/// one whole file without side files. One that a process leaves without being dropped is whole together with its side file.
///
/// A process that opens the file by other means than this, even to read it, drops the locks that keep other processes from harming it.
#[derive(Debug)]
pub struct Sqlite {
    write: Worker,
    reader: SharedReader,
    read: Worker,
    path: PathBuf,
}

impl Sqlite {
    /// Opens the store, or makes a new one where there is no file; one of an older release is brought up to date, after a backup. Results
    /// are read by `reader`.
    ///
    /// # Errors
    /// As [`open_existing`](Self::open_existing), except [`StoreError::Missing`].
    pub fn open(path: &Path, reader: SharedReader) -> Result<Self, StoreError> {
        Self::open_or_create(path, reader, &mut |_| ()).map(|(store, _)| store)
    }

    /// Opens the store, or makes a new one where there is no file, readable by its owner only. Says whether it made one.
    ///
    /// # Errors
    /// As [`open_existing`](Self::open_existing), except [`StoreError::Missing`].
    pub fn open_or_create(
        path: &Path,
        reader: SharedReader,
        on_upgrade: &mut dyn FnMut(Upgrade),
    ) -> Result<(Self, bool), StoreError> {
        let path = file::resolved(path);
        let is_missing = path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let is_new = is_missing && file::create(&path, &reader)?;
        Ok((Self::open_existing(&path, reader, on_upgrade)?, is_new))
    }

    /// Opens the store. One of an older release is brought up to date, after a backup beside it; `on_upgrade` hears of that.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no file; [`Emptied`](StoreError::Emptied), [`Incomplete`](StoreError::Incomplete) or
    /// [`ForeignJournal`](StoreError::ForeignJournal) where it is not whole; [`InUse`](StoreError::InUse) where another process keeps it
    /// from being brought up to date; [`TooNew`](StoreError::TooNew), [`NotAStore`](StoreError::NotAStore), and when it cannot be opened.
    pub fn open_existing(
        path: &Path,
        reader: SharedReader,
        on_upgrade: &mut dyn FnMut(Upgrade),
    ) -> Result<Self, StoreError> {
        let path = file::resolved(path);
        let (write, read) = file::open(&path, &reader, on_upgrade)?;
        Ok(Self {
            write: Worker::start("store-write", write)?,
            reader,
            read: Worker::start("store-read", read)?,
            path,
        })
    }

    /// Makes a copy of this moment in a file that nobody has yet, readable by its owner only, while others go on writing; says whether that is
    /// so. The copy is a store that [is not paid from](Store::copied_ms).
    ///
    /// # Errors
    /// When it cannot be read or written: then there is no file.
    pub async fn back_up(&self, to: &Path, now_ms: u64) -> Result<bool, StoreError> {
        let to = file::resolved(to);
        self.read.call("make a backup", async move |tx| copy::keep(tx, &to, now_ms)).await
    }

    /// Makes a store of a copy, brought up to date, where there is none yet; says whether that is so. The store [is not paid from](Store::copied_ms)
    /// until somebody [adopts](Store::adopt) it.
    ///
    /// # Errors
    /// As [`open_existing`](Self::open_existing) of the copy, which has to be one whole file; and when the store cannot be written: then there is
    /// none.
    pub fn restore(copy: &Path, to: &Path, reader: &SharedReader) -> Result<bool, StoreError> {
        let (copy, to) = (file::resolved(copy), file::resolved(to));
        copy::restore(&copy, &to, reader)
    }

    /// Those of a store's files that others than their owner may read or write: the store, its side files and its backups.
    ///
    /// New ones never are, except those that get an existing store's permissions.
    #[must_use]
    pub fn exposed_files(path: &Path) -> Vec<PathBuf> {
        file::exposed(path)
    }

    /// How many results are entered at a time before something is forgotten.
    const SLICE: u32 = 256;

    /// Does `work` in a transaction. Asked for at once, not when the answer is first polled.
    fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        purpose: Purpose,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        match purpose {
            Purpose::Read => self.read.call(what, work),
            Purpose::Write | Purpose::Settle => self.write.call(what, work),
        }
    }

    /// The journal still holds the pages as they were.
    async fn clear_traces(&self) -> Result<(), StoreError> {
        self.write.with_connection("clear its journal of what was forgotten", schema::clear_journal).await
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        drop(self.read.stop());
        if let Some(connection) = self.write.stop() {
            file::close(connection, &self.path);
        }
    }
}

impl Store for Sqlite {
    store_methods!();

    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        self.write.append(results)
    }

    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool> {
        self.append_and_mark(Vec::new(), batch, claim, number, ts_ms)
    }

    fn append_and_mark(
        &self,
        results: Vec<NewResult>,
        batch: i64,
        claim: i64,
        number: PhoneNumber,
        ts_ms: u64,
    ) -> StoreFuture<'_, bool> {
        self.write.append_and_mark(results, each::Mark { batch, claim, number, ts_ms })
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64> {
        let bucket = bucket.to_owned();
        self.call("take a turn", Purpose::Write, async move |tx| {
            turns::take(tx, &bucket, interval_ms, now_ms).await
        })
    }
}
