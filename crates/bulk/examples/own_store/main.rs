//! A store of one's own: in memory, for tests of a program that uses `numcheck-bulk`. It forgets everything with the process, and so is
//! nothing to pay through.
//!
//! It reads and writes. What results, batches and phone numbers become is decided by [`numcheck_bulk::fold`], [`numcheck_bulk::batch`] and
//! [`numcheck_bulk::book`], as in every store. `cargo test -p numcheck-bulk --example own_store` holds it against the suite.
#![allow(clippy::print_stdout)]

mod book;
mod each;
mod forgetting;
mod plans;
mod results;
mod telling;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numcheck_bulk::batch::{BatchRecord, Unsettled, batch_no, split};
use numcheck_bulk::book::{BookDecision, BookLink, BookPolicy, BookResult, MAX_CHAIN, chain, links};
use numcheck_bulk::fold::{
    Arrived, Changes, FirstResult, FoldedBatch, HeldResult, Judged, QuarantineEntry, QuarantinedBefore,
    Recorded, Slot, Sums, day_of, judge, judge_again, max_quarantined, unpriced_since_ms,
};
use numcheck_bulk::proof::SignedSpan;
use numcheck_bulk::store::reading::{self, Facts, ReadResults, SharedReader};
use numcheck_bulk::store::{
    Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, InputPiece, Known, MAX_DRIFT_PLACES,
    NewBatch, NewResult, NextBatch, OpenBatch, Quarantined, Reread, RowFate, Sending, Skip, Source, Spending,
    StoreFuture, TurnedAway, further_places,
};
use numcheck_bulk::{
    BatchEnd, BatchState, BatchSums, Job, JobName, JobSpec, JobState, Ledger, Outcome, PriceKey, PriceTable,
    Reused, Scope, SharedTurn, Store, StoreError,
};
use numcheck_protocol::{Drift, PhoneNumber};

type Result<T> = std::result::Result<T, StoreError>;

/// A store in memory. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Mutex<Tables>>);

#[derive(Debug)]
struct Tables {
    /// By what results are read.
    reader: SharedReader,
    jobs: BTreeMap<i64, JobRow>,
    last_job: i64,
    batches: BTreeMap<i64, BatchRow>,
    last_batch: i64,
    /// Every `batchNo` that a batch ever had.
    names: HashMap<String, i64>,
    numbers: BTreeMap<(i64, PhoneNumber), NumberRow>,
    results: BTreeMap<i64, NewResult>,
    last_result: i64,
    /// The last result that was entered.
    folded: i64,
    last_claim: i64,
    quarantined: BTreeMap<i64, QuarantineEntry>,
    scopes: Vec<Scope>,
    /// The newest sending of each phone number.
    checks: BTreeMap<(Scope, PhoneNumber), i64>,
    sums: Sums,
    drift: BTreeMap<(i64, Drift), u64>,
    turns: HashMap<String, SharedTurn>,
    learnt: HashMap<String, String>,
    /// How many, and the last time, by kind.
    turned_away: BTreeMap<String, (u64, u64)>,
    secrets: HashMap<String, Vec<u8>>,
}

impl Tables {
    fn new(reader: SharedReader) -> Self {
        Self {
            reader,
            jobs: Default::default(),
            last_job: Default::default(),
            batches: Default::default(),
            last_batch: Default::default(),
            names: Default::default(),
            numbers: Default::default(),
            results: Default::default(),
            last_result: Default::default(),
            folded: Default::default(),
            last_claim: Default::default(),
            quarantined: Default::default(),
            scopes: Default::default(),
            checks: Default::default(),
            sums: Default::default(),
            drift: Default::default(),
            turns: Default::default(),
            learnt: Default::default(),
            turned_away: Default::default(),
            secrets: Default::default(),
        }
    }
}

#[derive(Debug)]
struct JobRow {
    job: Job,
    /// The last result that came before it was made.
    marker: i64,
    input: BTreeMap<u32, Vec<u8>>,
    duplicates: BTreeMap<u64, u64>,
    batches: u64,
    reused: [i64; 3],
}

#[derive(Debug)]
struct BatchRow {
    job: i64,
    group: String,
    record: BatchRecord,
    numbers: i64,
    done: i64,
    failed: i64,
    refused: i64,
    unpriced: i64,
    charged_again: i64,
    quarantined: i64,
}

impl BatchRow {
    fn open(&self) -> i64 {
        self.numbers - self.done - self.failed - self.refused
    }

    fn may_be_charged(&self) -> i64 {
        (self.record.resubmitted - self.charged_again).max(0)
    }
}

/// A phone number in a batch.
#[derive(Clone, Debug, Default)]
struct NumberRow {
    /// `None`: the row has moved into another batch, or its job was forgotten.
    job: Option<i64>,
    row: u64,
    /// Whose sending it stands for, where that is not its own batch's.
    via: Option<i64>,
    /// The sending before.
    prior: Option<i64>,
    /// The doubt that a person decided not to wait for.
    despite: Option<i64>,
    result: Option<BookResult>,
    /// With which timestamp a request about it alone was signed.
    marked_ms: Option<u64>,
}

const NO_BATCH: &str = "a batch is not there";
const NO_JOB: &str = "a job is not there";
const NO_CHAIN: &str = "the sendings of a phone number form no chain";

impl Tables {
    fn job(&self, id: i64) -> Result<&JobRow> {
        self.jobs.get(&id).ok_or_else(|| StoreError::damaged(NO_JOB))
    }

    fn job_mut(&mut self, id: i64) -> Result<&mut JobRow> {
        self.jobs.get_mut(&id).ok_or_else(|| StoreError::damaged(NO_JOB))
    }

    fn batch(&self, id: i64) -> Result<&BatchRow> {
        self.batches.get(&id).ok_or_else(|| StoreError::damaged(NO_BATCH))
    }

    fn batch_mut(&mut self, id: i64) -> Result<&mut BatchRow> {
        self.batches.get_mut(&id).ok_or_else(|| StoreError::damaged(NO_BATCH))
    }

    fn planning(&mut self, id: i64) -> Result<&mut JobRow> {
        let job = self.jobs.get_mut(&id).filter(|row| row.job.state == JobState::Planning);
        job.ok_or(StoreError::Superseded)
    }

    fn is_forgotten(&self, batch: i64) -> Result<bool> {
        Ok(self.job(self.batch(batch)?.job)?.job.state == JobState::Forgotten)
    }

    fn rows_of(&self, batch: i64) -> impl Iterator<Item = (PhoneNumber, &NumberRow)> {
        self.numbers.iter().filter(move |((of, _), _)| *of == batch).map(|((_, number), row)| (*number, row))
    }

    /// The rows of a job that wait for other jobs' sendings, and for whose.
    fn waiting(&self, job: i64) -> Vec<((i64, PhoneNumber), i64)> {
        let waits = |row: &NumberRow| row.via.filter(|_| row.job == Some(job) && row.result.is_none());
        self.numbers.iter().filter_map(|(place, row)| Some((*place, waits(row)?))).collect()
    }

    fn batches_of(&self, job: i64) -> impl Iterator<Item = (i64, &BatchRow)> {
        self.batches.iter().filter(move |(_, batch)| batch.job == job).map(|(id, batch)| (*id, batch))
    }
}

impl Memory {
    /// An empty store. Results are read by `reader`.
    pub fn new(reader: SharedReader) -> Self {
        Self(Arc::new(Mutex::new(Tables::new(reader))))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything happens when it is asked for, under one lock.
fn ready<T: Send + 'static>(result: Result<T>) -> StoreFuture<'static, T> {
    Box::pin(std::future::ready(result))
}

impl Store for Memory {
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> StoreFuture<'a, Job> {
        ready(self.tables().create_job(name, spec, now_ms))
    }

    fn unfinished<'a>(&'a self, spec: &'a JobSpec) -> StoreFuture<'a, Option<Job>> {
        let tables = self.tables();
        let mut jobs =
            tables.all_unfinished(spec).into_iter().filter_map(|id| Some(&tables.jobs.get(&id)?.job));
        ready(Ok(jobs.find(|job| spec.continues(job)).cloned()))
    }

    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> StoreFuture<'_, ()> {
        ready(self.tables().planning(job).map(|row| _ = row.input.insert(sequence, bytes)))
    }

    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> StoreFuture<'_, ()> {
        ready(self.tables().add_batches(job, batches))
    }

    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> StoreFuture<'_, ()> {
        let rows = rows.into_iter().map(|row| (row.row, row.first));
        ready(self.tables().planning(job).map(|row| row.duplicates.extend(rows)))
    }

    fn finish_plan(&self, job: i64, rows: u64) -> StoreFuture<'_, Job> {
        ready(self.tables().finish_plan(job, rows))
    }

    fn replace_rows<'a>(
        &'a self,
        job: i64,
        from: i64,
        rows: Vec<(PhoneNumber, u64)>,
        row_count: u64,
        notes: &'a serde_json::Value,
    ) -> StoreFuture<'a, bool> {
        ready(self.tables().replace_rows(job, from, &rows, row_count, notes))
    }

    fn job<'a>(&'a self, name: &'a JobName) -> StoreFuture<'a, Option<Job>> {
        ready(Ok(self.tables().jobs.values().map(|row| &row.job).find(|job| job.name == *name).cloned()))
    }

    fn jobs(&self) -> StoreFuture<'_, Vec<Job>> {
        ready(Ok(self.tables().jobs.values().rev().map(|row| row.job.clone()).collect()))
    }

    fn forget(&self, job: i64, even_unsettled: bool) -> StoreFuture<'_, Forgotten> {
        ready(self.tables().forget(job, even_unsettled))
    }

    fn jobs_of(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Job>> {
        ready(Ok(self.tables().jobs_of(number)))
    }

    fn forget_number(&self, number: PhoneNumber, without: Vec<InputPiece>) -> StoreFuture<'_, Vec<JobName>> {
        ready(self.tables().forget_number(number, without))
    }

    fn look_up<'a>(
        &'a self,
        scope: &'a Scope,
        numbers: Vec<PhoneNumber>,
    ) -> StoreFuture<'a, Vec<Option<Known>>> {
        let tables = self.tables();
        ready(numbers.into_iter().map(|number| tables.look_up(scope, number)).collect())
    }

    fn scopes(&self) -> StoreFuture<'_, Vec<Scope>> {
        ready(Ok(self.tables().scopes.clone()))
    }

    fn merge_account<'a>(&'a self, old: &'a str, new: &'a str) -> StoreFuture<'a, ()> {
        ready(self.tables().merge_account(old, new))
    }

    fn history(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Sending>> {
        ready(self.tables().history(number))
    }

    fn next_batch<'a>(&'a self, job: i64, skip: &'a Skip) -> StoreFuture<'a, Option<NextBatch>> {
        ready(self.tables().next_batch(job, skip))
    }

    fn claim<'a>(
        &'a self,
        batch: i64,
        owner: &'a str,
        limit: u64,
        now_ms: u64,
    ) -> StoreFuture<'a, Option<Claimed>> {
        ready(self.tables().claim(batch, owner, limit, now_ms))
    }

    fn confirm(&self, batch: i64, claim: i64, ts_ms: u64) -> StoreFuture<'_, bool> {
        let mut tables = self.tables();
        let job = tables.batch(batch).and_then(|row| Ok(tables.job(row.job)?.job.state));
        ready(job.and_then(|job| Ok(tables.batch_mut(batch)?.record.confirm(claim, ts_ms, job))))
    }

    fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()> {
        let mut tables = self.tables();
        let proof = tables.proof(batch);
        ready(tables.end(batch, claim, end, now_ms, proof.as_deref()))
    }

    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool> {
        ready(self.tables().mark(batch, claim, number, ts_ms))
    }

    fn end_each(
        &self,
        batch: i64,
        claim: i64,
        ends: Vec<(PhoneNumber, BatchEnd)>,
        now_ms: u64,
    ) -> StoreFuture<'_, ()> {
        ready(self.tables().end_each(batch, claim, &ends, now_ms))
    }

    fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        ready(self.tables().give_up(batch, claim))
    }

    fn plan_again(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        let mut tables = self.tables();
        // A result that waits to be entered is the best proof that it was accepted.
        ready(tables.fold_all().and_then(|()| {
            let row = tables.batch(batch)?;
            let may = row.record.may_plan_again(claim, tables.job(row.job)?.job.state);
            if may {
                tables.plan_again(batch)?;
            }
            Ok(may)
        }))
    }

    fn resubmit_doubtful(&self, job: i64, before_ms: u64) -> StoreFuture<'_, u64> {
        ready(self.tables().resubmit_doubtful(job, before_ms))
    }

    fn follow(&self, job: i64) -> StoreFuture<'_, Followed> {
        ready(self.tables().follow(job))
    }

    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        self.tables().append(results);
        ready(Ok(()))
    }

    fn fold(&self, most: u32) -> StoreFuture<'_, Folded> {
        ready(self.tables().fold(most))
    }

    fn reread(&self, after: i64, most: u32) -> StoreFuture<'_, Reread> {
        ready(self.tables().reread(after, most))
    }

    fn expects<'a>(&'a self, batch_no: &'a str, body: &'a [u8]) -> StoreFuture<'a, bool> {
        ready(self.tables().expects(batch_no, body))
    }

    fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool> {
        let tables = self.tables();
        let batch = tables.names.get(batch_no).and_then(|batch| tables.batches.get(batch));
        ready(
            Ok(batch.is_some_and(|batch| batch.quarantined as u64 >= max_quarantined(batch.numbers as u64))),
        )
    }

    fn open_batches(&self, job: i64) -> StoreFuture<'_, Vec<OpenBatch>> {
        ready(self.tables().open_batches(job))
    }

    fn controls<'a>(&'a self, scope: &'a Scope, after_ms: u64, most: u32) -> StoreFuture<'a, Vec<Control>> {
        ready(self.tables().controls(scope, after_ms, most))
    }

    fn mark_missing(&self, batch: i64, claim: i64) -> StoreFuture<'_, u64> {
        ready(self.tables().batch_mut(batch).map(|row| {
            let open = row.open();
            if open > 0 && row.record.mark_missing(claim) { open as u64 } else { 0 }
        }))
    }

    fn ledger(&self, job: i64) -> StoreFuture<'_, Ledger> {
        ready(self.tables().ledger(job))
    }

    fn planned_groups(&self, job: i64) -> StoreFuture<'_, BTreeMap<String, u64>> {
        let mut groups = BTreeMap::new();
        for (_, batch) in self.tables().batches_of(job) {
            if batch.record.state == BatchState::Planned {
                *groups.entry(batch.group.clone()).or_default() += batch.open().max(0) as u64;
            }
        }
        ready(Ok(groups))
    }

    fn spending<'a>(&'a self, account: &'a str, since_ms: u64) -> StoreFuture<'a, Spending> {
        ready(self.tables().spending(account, since_ms))
    }

    fn sent_in_group<'a>(&'a self, job: i64, group: &'a str) -> StoreFuture<'a, u64> {
        let is_sent = |record: &BatchRecord| {
            record.claim > 0 && !matches!(record.state, BatchState::Planned | BatchState::Refused)
        };
        let tables = self.tables();
        let sent = tables.batches_of(job).filter(|(_, batch)| batch.group == group && is_sent(&batch.record));
        ready(Ok(sent.count() as u64))
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> StoreFuture<'_, Vec<RowFate>> {
        ready(self.tables().rows(job, after_row, most))
    }

    fn input(&self, job: i64, sequence: u32) -> StoreFuture<'_, Option<Vec<u8>>> {
        ready(Ok(self.tables().jobs.get(&job).and_then(|row| row.input.get(&sequence).cloned())))
    }

    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> StoreFuture<'_, Vec<Drift>> {
        let mut counts = BTreeMap::new();
        for one in drift {
            *counts.entry((job, one)).or_default() += 1;
        }
        ready(Ok(self.tables().count_drift(counts)))
    }

    fn drift(&self, job: i64) -> StoreFuture<'_, Vec<Drifted>> {
        let tables = self.tables();
        let own = tables.drift.iter().filter(|((of, _), _)| *of == job);
        ready(Ok(own.map(|((_, drift), count)| Drifted::new(drift.clone(), *count)).collect()))
    }

    fn quarantine(&self, after: i64, most: u32) -> StoreFuture<'_, Vec<Quarantined>> {
        ready(Ok(self.tables().quarantine(after, most)))
    }

    fn note_turned_away(&self, kinds: Vec<TurnedAway>) -> StoreFuture<'_, ()> {
        let mut tables = self.tables();
        for TurnedAway { kind, count, last_ms, .. } in kinds {
            let known = tables.turned_away.entry(kind).or_default();
            *known = (known.0.saturating_add(count), known.1.max(last_ms));
        }
        ready(Ok(()))
    }

    fn turned_away(&self) -> StoreFuture<'_, Vec<TurnedAway>> {
        let tables = self.tables();
        let kinds = tables.turned_away.iter();
        ready(Ok(kinds.map(|(kind, (count, last_ms))| TurnedAway::new(kind, *count, *last_ms)).collect()))
    }

    fn prices(&self) -> StoreFuture<'_, PriceTable> {
        let mut prices = PriceTable::default();
        for ((level, group, currency), price) in &self.tables().sums.prices {
            prices.set(PriceKey { level: *level, group: group.clone() }, *currency, *price);
        }
        ready(Ok(prices))
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64> {
        let mut tables = self.tables();
        let (turn, wait_ms) = SharedTurn::after(tables.turns.get(bucket).copied(), interval_ms, now_ms);
        tables.turns.insert(bucket.to_owned(), turn);
        ready(Ok(wait_ms))
    }

    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> StoreFuture<'a, ()> {
        self.tables().learnt.insert(name.to_owned(), word.to_owned());
        ready(Ok(()))
    }

    fn learnt<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
        ready(Ok(self.tables().learnt.get(name).cloned()))
    }

    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>> {
        ready(Ok(self.tables().secrets.entry(name.to_owned()).or_insert(fresh).clone()))
    }
}

/// Reads the results of a service that has none: an example of what a store is opened with.
struct NoResults;

impl ReadResults for NoResults {
    fn read(&self, _: &str, _: Source, _: &[u8]) -> Option<Facts> {
        None
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let store = Memory::new(Arc::new(NoResults));
    let scope = Scope::new("account", Scope::NUMBER_CHECK, 1);
    let spec = JobSpec::new(scope, "set", numcheck_bulk::Delivery::Push, serde_json::Value::Null);
    let job = store.create_job(&JobName::from_random([7; 8]), &spec, 0).await?;
    store.finish_plan(job.id, 0).await?;
    println!("{:?}", store.ledger(job.id).await?);
    Ok(())
}

#[cfg(test)]
mod suite {
    use std::sync::Arc;

    use numcheck_bulk::conformance::Place;

    use super::Memory;

    struct Process(Memory);

    impl Place for Process {
        type Store = Memory;

        async fn open(&self) -> Arc<Memory> {
            Arc::new(self.0.clone())
        }
    }

    numcheck_bulk::conformance!(Process(Memory::new(numcheck_bulk::conformance::reader::reader())));
}
