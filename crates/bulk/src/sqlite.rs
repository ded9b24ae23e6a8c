//! The store in a file: SQLite, written by one thread, read by another.
//!
//! It answers once the device has what it was given: every commit is synchronous. Results that arrive together share one
//! commit; folding them in takes turns with them, in slices short enough that nobody waits for long.

mod batches;
mod book;
mod connection;
mod drift;
mod each;
mod fault;
mod file;
mod follow;
mod jobs;
mod reading;
mod results;
mod schema;
mod unfinished;
mod upgrade;
mod values;
mod waits;
mod worker;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use numcheck_protocol::{Drift, PhoneNumber};
use rusqlite::Transaction;

use crate::ledger::Ledger;
use crate::model::{BatchEnd, Job, JobName, JobSpec, Scope};
use crate::pricing::PriceTable;
use crate::store::drifting;
use crate::store::reading::SharedReader;
use crate::store::{
    Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, InputPiece, Known, NewBatch,
    NewResult, NextBatch, OpenBatch, Quarantined, RowFate, Sending, Spending, Store, StoreError, StoreFuture,
};

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

    /// Those of a store's files that others than their owner may read or write: the store, its side files and its backups.
    ///
    /// New ones never are, except those that get an existing store's permissions.
    #[must_use]
    pub fn exposed_files(path: &Path) -> Vec<PathBuf> {
        file::exposed(path)
    }

    /// Does `work`, which enters results, in a transaction of its own.
    fn settle<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>, &SharedReader) -> fault::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let reader = SharedReader::clone(&self.reader);
        self.write.call(what, move |tx| work(tx, &reader))
    }

    /// The journal still holds the pages as they were.
    async fn clear_journal(&self) -> Result<(), StoreError> {
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

/// How many results are entered at a time before a job is forgotten.
const SLICE: u32 = 256;

impl Store for Sqlite {
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> StoreFuture<'a, Job> {
        let (name, spec) = (name.clone(), spec.clone());
        self.write.call("make a job", move |tx| jobs::create(tx, &name, &spec, now_ms))
    }

    fn unfinished<'a>(&'a self, spec: &'a JobSpec) -> StoreFuture<'a, Option<Job>> {
        let spec = spec.clone();
        self.read.call("look for an unfinished job", move |tx| jobs::unfinished(tx, &spec))
    }

    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> StoreFuture<'_, ()> {
        self.write.call("keep the input", move |tx| jobs::add_input(tx, job, sequence, &bytes))
    }

    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> StoreFuture<'_, ()> {
        self.write.call("keep the plan", move |tx| batches::add(tx, job, &batches))
    }

    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> StoreFuture<'_, ()> {
        self.write.call("keep the plan", move |tx| jobs::add_duplicates(tx, job, &rows))
    }

    fn finish_plan(&self, job: i64, rows: u64) -> StoreFuture<'_, Job> {
        self.write.call("finish the plan", move |tx| jobs::finish_plan(tx, job, rows))
    }

    fn replace_rows<'a>(
        &'a self,
        job: i64,
        from: i64,
        rows: Vec<(PhoneNumber, u64)>,
        row_count: u64,
        notes: &'a serde_json::Value,
    ) -> StoreFuture<'a, bool> {
        let notes = notes.clone();
        self.write.call("take over the new file", move |tx| {
            jobs::replace_rows(tx, job, from, &rows, row_count, &notes)
        })
    }

    fn job<'a>(&'a self, name: &'a JobName) -> StoreFuture<'a, Option<Job>> {
        let name = name.clone();
        self.read.call("look a job up", move |tx| jobs::find(tx, &name))
    }

    fn jobs(&self) -> StoreFuture<'_, Vec<Job>> {
        self.read.call("list the jobs", jobs::list)
    }

    fn forget(&self, job: i64, even_unsettled: bool) -> StoreFuture<'_, Forgotten> {
        Box::pin(async move {
            while self.fold(SLICE).await?.seen == SLICE {}
            let forgotten = self
                .settle("forget a job", move |tx, reader| jobs::forget(tx, reader, job, even_unsettled))
                .await?;
            self.clear_journal().await?;
            Ok(forgotten)
        })
    }

    fn jobs_of(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Job>> {
        self.read.call("look for a phone number's jobs", move |tx| jobs::of_number(tx, &number))
    }

    fn forget_number(&self, number: PhoneNumber, without: Vec<InputPiece>) -> StoreFuture<'_, Vec<JobName>> {
        Box::pin(async move {
            while self.fold(SLICE).await?.seen == SLICE {}
            let unsettled = self
                .settle("forget a phone number", move |tx, reader| {
                    jobs::forget_number(tx, reader, &number, &without)
                })
                .await?;
            self.clear_journal().await?;
            Ok(unsettled)
        })
    }

    fn look_up<'a>(
        &'a self,
        scope: &'a Scope,
        numbers: Vec<PhoneNumber>,
    ) -> StoreFuture<'a, Vec<Option<Known>>> {
        let scope = scope.clone();
        self.read.call("look phone numbers up", move |tx| book::look_up(tx, &scope, &numbers))
    }

    fn scopes(&self) -> StoreFuture<'_, Vec<Scope>> {
        self.read.call("read its book", book::scopes)
    }

    fn merge_account<'a>(&'a self, old: &'a str, new: &'a str) -> StoreFuture<'a, ()> {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.write.call("merge two spellings of an account", move |tx| book::merge_account(tx, &old, &new))
    }

    fn history(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Sending>> {
        self.read.call("read its book", move |tx| book::history(tx, &number))
    }

    fn next_batch<'a>(&'a self, job: i64, skip: &'a [String]) -> StoreFuture<'a, Option<NextBatch>> {
        let skip = skip.to_owned();
        self.write.call("look the next batch up", move |tx| batches::next(tx, job, &skip))
    }

    fn claim<'a>(
        &'a self,
        batch: i64,
        owner: &'a str,
        limit: u64,
        now_ms: u64,
    ) -> StoreFuture<'a, Option<Claimed>> {
        let owner = owner.to_owned();
        self.write.call("claim a batch", move |tx| batches::claim(tx, batch, &owner, limit, now_ms))
    }

    fn confirm(&self, batch: i64, claim: i64, ts_ms: u64) -> StoreFuture<'_, bool> {
        self.write.call("confirm a claim", move |tx| batches::confirm(tx, batch, claim, ts_ms))
    }

    fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()> {
        self.write.call("write down how a batch ended", move |tx| batches::end(tx, batch, claim, end, now_ms))
    }

    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool> {
        self.write.mark(each::Mark { batch, claim, number, ts_ms })
    }

    fn end_each(
        &self,
        batch: i64,
        claim: i64,
        ends: Vec<(PhoneNumber, BatchEnd)>,
        now_ms: u64,
    ) -> StoreFuture<'_, ()> {
        self.settle("write down how phone numbers ended", move |tx, reader| {
            each::end(tx, reader, batch, claim, &ends, now_ms)
        })
    }

    fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        self.settle("end a claim", move |tx, reader| each::give_up(tx, reader, batch, claim))
    }

    fn plan_again(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        self.settle("plan a batch again", move |tx, reader| batches::plan_again(tx, reader, batch, claim))
    }

    fn resubmit_doubtful(&self, job: i64, before_ms: u64) -> StoreFuture<'_, u64> {
        self.settle("plan again what is in doubt", move |tx, reader| {
            follow::resubmit(tx, reader, job, before_ms)
        })
    }

    fn follow(&self, job: i64) -> StoreFuture<'_, Followed> {
        self.write.call("follow other jobs' batches", move |tx| follow::follow(tx, job))
    }

    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        self.write.append(results)
    }

    fn fold(&self, most: u32) -> StoreFuture<'_, Folded> {
        self.settle("enter results", move |tx, reader| results::fold(tx, reader, most))
    }

    fn expects<'a>(&'a self, batch_no: &'a str, body: &'a [u8]) -> StoreFuture<'a, bool> {
        let (batch_no, body) = (batch_no.to_owned(), body.to_owned());
        let reader = SharedReader::clone(&self.reader);
        self.read.call("look a result up", move |tx| results::expects(tx, &reader, &batch_no, &body))
    }

    fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool> {
        let batch_no = batch_no.to_owned();
        self.read.call("look a batch up", move |tx| results::is_full(tx, &batch_no))
    }

    fn open_batches(&self, job: i64) -> StoreFuture<'_, Vec<OpenBatch>> {
        self.read.call("list open batches", move |tx| batches::open(tx, job))
    }

    fn controls<'a>(&'a self, scope: &'a Scope, after_ms: u64, most: u32) -> StoreFuture<'a, Vec<Control>> {
        let scope = scope.clone();
        self.read.call("list accepted batches", move |tx| match book::scope_id(tx, &scope)? {
            Some(scope) => batches::controls(tx, scope, after_ms, most),
            None => Ok(Vec::new()),
        })
    }

    fn mark_missing(&self, batch: i64, claim: i64) -> StoreFuture<'_, u64> {
        self.write.call("give a batch up", move |tx| batches::mark_missing(tx, batch, claim))
    }

    fn ledger(&self, job: i64) -> StoreFuture<'_, Ledger> {
        Box::pin(async move {
            let ledger = self.read.call("read the ledger", move |tx| reading::ledger(tx, job)).await?;
            Ok(ledger.checked())
        })
    }

    fn planned_groups(&self, job: i64) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.read.call("count what is planned", move |tx| reading::planned_groups(tx, job))
    }

    fn spending<'a>(&'a self, account: &'a str, since_ms: u64) -> StoreFuture<'a, Spending> {
        let account = account.to_owned();
        self.read.call("sum what was spent", move |tx| reading::spending(tx, &account, since_ms))
    }

    fn sent_in_group<'a>(&'a self, job: i64, group: &'a str) -> StoreFuture<'a, u64> {
        let group = group.to_owned();
        self.read.call("count a group's batches", move |tx| batches::sent_in_group(tx, job, &group))
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> StoreFuture<'_, Vec<RowFate>> {
        self.read.call("read results", move |tx| reading::rows(tx, job, after_row, most))
    }

    fn input(&self, job: i64, sequence: u32) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.read.call("read the input", move |tx| jobs::input(tx, job, sequence))
    }

    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> StoreFuture<'_, Vec<Drift>> {
        self.write
            .call("count what no document lists", move |tx| drift::add(tx, drifting::counted(job, drift)))
    }

    fn drift(&self, job: i64) -> StoreFuture<'_, Vec<Drifted>> {
        self.read.call("tell what no document lists", move |tx| drift::list(tx, job))
    }

    fn quarantine(&self, after: i64, most: u32) -> StoreFuture<'_, Vec<Quarantined>> {
        self.read.call("read the quarantine", move |tx| reading::quarantine(tx, after, most))
    }

    fn prices(&self) -> StoreFuture<'_, PriceTable> {
        self.read.call("read the prices", reading::prices)
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64> {
        let bucket = bucket.to_owned();
        self.write.call("take a turn", move |tx| batches::take_turn(tx, &bucket, interval_ms, now_ms))
    }

    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> StoreFuture<'a, ()> {
        let (name, word) = (name.to_owned(), word.to_owned());
        self.write.call("remember what it has learnt", move |tx| jobs::learn(tx, &name, &word))
    }

    fn learnt<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
        let name = name.to_owned();
        self.read.call("tell what it has learnt", move |tx| jobs::learnt(tx, &name))
    }

    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>> {
        let name = name.to_owned();
        self.write.call("keep its key", move |tx| jobs::secret(tx, &name, &fresh))
    }
}
