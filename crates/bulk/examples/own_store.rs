//! A store of one's own: in memory, for tests of a program that uses `numcheck-bulk`. It forgets everything with the process, and so is
//! nothing to pay through.
//!
//! It reads and writes. What results, batches and phone numbers become is decided by [`numcheck_bulk::fold`], [`numcheck_bulk::batch`] and
//! [`numcheck_bulk::book`], as in every store. `cargo test -p numcheck-bulk --example own_store` holds it against the suite.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numcheck_bulk::batch::{BatchRecord, batch_no};
use numcheck_bulk::book::{BookDecision, BookLink, BookPolicy, BookResult, MAX_CHAIN, chain, links};
use numcheck_bulk::fold::{
    Arrived, Changes, First, FoldedBatch, Held, KeptAside, KeptBefore, Recorded, Slot, Sums, day_of, judge,
    max_aside, unpriced_since_ms,
};
use numcheck_bulk::store::{
    Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, InputPiece, Known, MAX_DRIFT_PLACES,
    NewBatch, NewResult, NextBatch, OpenBatch, Quarantined, RowFate, Sending, Spending, StoreFuture,
    further_places,
};
use numcheck_bulk::{
    BatchEnd, BatchState, BatchSums, Job, JobName, JobSpec, JobState, Ledger, Outcome, PriceKey, PriceTable,
    Reused, Scope, SharedTurn, Store, StoreError,
};
use numcheck_protocol::{Drift, PhoneNumber};

type Result<T> = std::result::Result<T, StoreError>;

/// A store in memory. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
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
    aside: BTreeMap<i64, KeptAside>,
    scopes: Vec<Scope>,
    /// The newest sending of each phone number.
    checks: BTreeMap<(Scope, PhoneNumber), i64>,
    sums: Sums,
    drift: BTreeMap<(i64, Drift), u64>,
    turns: HashMap<String, SharedTurn>,
    learnt: HashMap<String, String>,
    secrets: HashMap<String, Vec<u8>>,
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
    aside: i64,
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

    // Jobs and plans

    fn all_unfinished(&self, spec: &JobSpec) -> Vec<i64> {
        let same = |job: &&JobRow| {
            let job = &job.job;
            job.state == JobState::Open
                && job.spec.scope == spec.scope
                && job.spec.set == spec.set
                && !spec.set.is_empty()
        };
        let ids = self.jobs.values().rev().filter(same).map(|job| job.job.id);
        ids.filter(|id| self.is_unfinished(*id)).collect()
    }

    fn is_unfinished(&self, job: i64) -> bool {
        let is_open = |(_, batch): (i64, &BatchRow)| match batch.record.state {
            BatchState::Planned | BatchState::Sending | BatchState::InDoubt => true,
            BatchState::Accepted => batch.open() > 0,
            _ => false,
        };
        self.batches_of(job).any(is_open) || !self.waiting(job).is_empty()
    }

    fn create_job(&mut self, name: &JobName, spec: &JobSpec, now_ms: u64) -> Result<Job> {
        if !self.scopes.contains(&spec.scope) {
            self.scopes.push(spec.scope.clone());
        }
        let planning = self.jobs.values().filter(|row| {
            let job = &row.job;
            job.state == JobState::Planning
                && job.spec.scope == spec.scope
                && job.spec.set == spec.set
                && !spec.set.is_empty()
        });
        for id in planning.map(|row| row.job.id).collect::<Vec<_>>() {
            self.remove(id);
        }
        let unfinished = self.all_unfinished(spec);
        for id in &unfinished {
            let found = self.job(*id)?;
            if spec.continues(&found.job) {
                return Ok(found.job.clone());
            }
        }
        for id in unfinished {
            self.job_mut(id)?.job.state = JobState::Replaced;
        }
        self.last_job += 1;
        let job = Job::new(self.last_job, name.clone(), spec.clone(), now_ms);
        let row = JobRow {
            job: job.clone(),
            marker: self.last_result,
            input: BTreeMap::new(),
            duplicates: BTreeMap::new(),
            batches: 0,
            reused: [0; 3],
        };
        self.jobs.insert(self.last_job, row);
        Ok(job)
    }

    fn remove(&mut self, job: i64) {
        let gone: BTreeSet<i64> = self.batches_of(job).map(|(id, _)| id).collect();
        self.names.retain(|_, batch| !gone.contains(batch));
        self.numbers.retain(|(batch, _), _| !gone.contains(batch));
        self.batches.retain(|id, _| !gone.contains(id));
        self.jobs.remove(&job);
    }

    fn add_batches(&mut self, job: i64, batches: Vec<NewBatch>) -> Result<()> {
        self.planning(job)?;
        let mut new = BTreeSet::new();
        for batch in &batches {
            let name = batch.batch_no.as_str();
            if self.names.contains_key(name) || !new.insert(name) {
                return Err(StoreError::batch_no_taken(name));
            }
        }
        for batch in batches {
            let count = batch.numbers.len() as i64;
            let id = self.insert_batch(job, batch.batch_no.as_str(), &batch.group, count)?;
            for (number, row) in batch.numbers {
                self.numbers.insert((id, number), NumberRow { job: Some(job), row, ..NumberRow::default() });
            }
        }
        Ok(())
    }

    fn insert_batch(&mut self, job: i64, name: &str, group: &str, numbers: i64) -> Result<i64> {
        self.last_batch += 1;
        let record = BatchRecord::new(name);
        let (done, failed, refused, unpriced, charged_again, aside) = (0, 0, 0, 0, 0, 0);
        let group = group.to_owned();
        let row =
            BatchRow { job, group, record, numbers, done, failed, refused, unpriced, charged_again, aside };
        self.batches.insert(self.last_batch, row);
        self.names.insert(name.to_owned(), self.last_batch);
        self.job_mut(job)?.batches += 1;
        Ok(self.last_batch)
    }

    /// A further planned batch of a job whose plan is whole.
    fn insert_further(&mut self, job: i64, group: &str, numbers: i64) -> Result<i64> {
        let row = self.job(job)?;
        let name = batch_no(&row.job.name, row.batches + 1)
            .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
        self.insert_batch(job, name.as_str(), group, numbers)
    }

    fn finish_plan(&mut self, job: i64, rows: u64) -> Result<Job> {
        let numbers = self.batches_of(job).map(|(_, batch)| batch.numbers as u64).sum();
        let found = &mut self.jobs.get_mut(&job).ok_or(StoreError::Superseded)?.job;
        if found.state == JobState::Planning {
            (found.state, found.rows, found.numbers) = (JobState::Open, rows, numbers);
        }
        Ok(found.clone())
    }

    fn replace_rows(
        &mut self,
        job: i64,
        from: i64,
        rows: &[(PhoneNumber, u64)],
        row_count: u64,
        notes: &serde_json::Value,
    ) -> Result<bool> {
        self.planning(from)?;
        let new: BTreeMap<PhoneNumber, u64> = rows.iter().copied().collect();
        let own: BTreeSet<PhoneNumber> = self
            .numbers
            .iter()
            .filter(|(_, row)| row.job == Some(job))
            .map(|((_, number), _)| *number)
            .collect();
        let is_open = self.jobs.get(&job).is_some_and(|row| row.job.state == JobState::Open);
        if !is_open || new.len() != rows.len() || !new.keys().eq(&own) {
            return Ok(false);
        }
        for ((_, number), row) in self.numbers.iter_mut().filter(|(_, row)| row.job == Some(job)) {
            row.row = new.get(number).copied().unwrap_or_default();
        }
        let begun = self.planning(from)?;
        let (input, duplicates) = (std::mem::take(&mut begun.input), std::mem::take(&mut begun.duplicates));
        self.remove(from);
        let row = self.job_mut(job)?;
        (row.input, row.duplicates) = (input, duplicates);
        (row.job.rows, row.job.spec.notes) = (row_count, notes.clone());
        Ok(true)
    }

    // The book

    fn link(&self, batch: i64, number: PhoneNumber) -> Result<(BookLink, Option<i64>)> {
        // What is not known may have been paid for.
        let row = self.numbers.get(&(batch, number)).ok_or_else(|| StoreError::damaged(NO_CHAIN))?;
        let record = &self.batch(batch)?.record;
        let is_forgotten = self.is_forgotten(batch)?;
        let is_own = row.via.is_none() && (row.job.is_some() || is_forgotten);
        let link = BookLink::new(batch, record.state, record.missing, is_own, is_forgotten);
        Ok((link.with_result(row.result), row.prior))
    }

    /// The sendings of a phone number, the newest first.
    fn sendings(&self, scope: &Scope, number: PhoneNumber) -> Result<Vec<BookLink>> {
        let mut next = self.checks.get(&(scope.clone(), number)).copied();
        let mut found = Vec::new();
        while let Some(batch) = next {
            let (link, prior) = self.link(batch, number)?;
            found.push(link);
            next = prior;
            if found.len() > MAX_CHAIN {
                return Err(StoreError::damaged(NO_CHAIN));
            }
        }
        Ok(found)
    }

    /// Writes down in which order the sendings of a phone number stand, the newest first.
    fn set_chain(&mut self, scope: &Scope, number: PhoneNumber, chain: &[i64]) {
        let key = (scope.clone(), number);
        match chain.first() {
            Some(first) => _ = self.checks.insert(key, *first),
            None => _ = self.checks.remove(&key),
        }
        for (batch, prior) in links(chain) {
            if let Some(row) = self.numbers.get_mut(&(batch, number)) {
                row.prior = prior;
            }
        }
    }

    fn policy(&self, job: i64) -> Option<(Scope, BookPolicy)> {
        let row = self.jobs.get(&job).filter(|row| row.job.state == JobState::Open)?;
        let policy = BookPolicy::new(row.job.spec.reuse, row.marker, row.job.created_ms);
        Some((row.job.spec.scope.clone(), policy))
    }

    /// The phone numbers of a planned batch that are to be sent, in the order of their rows. Others take a result, or wait for one.
    fn look_up_batch(&mut self, batch: i64, scope: &Scope, policy: &BookPolicy) -> Result<Vec<PhoneNumber>> {
        let job = self.batch(batch)?.job;
        let is_open = |row: &NumberRow| row.job.is_some() && row.via.is_none() && row.result.is_none();
        let mut rows: Vec<(u64, PhoneNumber, Option<i64>)> = self
            .rows_of(batch)
            .filter(|(_, row)| is_open(row))
            .map(|(number, row)| (row.row, number, row.despite))
            .collect();
        rows.sort_unstable();
        let mut wanted = Vec::new();
        for (_, number, despite) in rows {
            let decided = self.sendings(scope, number)?.into_iter().find_map(|link| {
                let decision = link.decide(batch, policy, despite);
                (decision != BookDecision::Before).then_some((decision, link))
            });
            let result = match decided {
                Some((BookDecision::Take, link)) => link.result,
                Some((BookDecision::Wait, _)) => None,
                _ => {
                    wanted.push(number);
                    continue;
                }
            };
            let via = decided.map(|(_, link)| link.batch);
            if let Some(row) = self.numbers.get_mut(&(batch, number)) {
                (row.via, row.result) = (via, result);
            }
            if let Some(result) = result {
                self.count_reused(job, result.outcome, 1)?;
            }
            self.batch_mut(batch)?.numbers -= 1;
        }
        if wanted.is_empty() {
            self.batch_mut(batch)?.record.state = BatchState::Accepted;
        }
        Ok(wanted)
    }

    fn count_reused(&mut self, job: i64, outcome: Outcome, by: i64) -> Result<()> {
        let [done, failed, refused] = &mut self.job_mut(job)?.reused;
        match outcome {
            Outcome::Done => *done += by,
            Outcome::Refused => *refused += by,
            _ => *failed += by,
        }
        Ok(())
    }

    fn next_batch(&mut self, job: i64, skip: &[String]) -> Result<Option<NextBatch>> {
        let Some((scope, policy)) = self.policy(job) else { return Ok(None) };
        let planned: Vec<i64> = self
            .batches_of(job)
            .filter(|(_, batch)| batch.record.state == BatchState::Planned && !skip.contains(&batch.group))
            .map(|(id, _)| id)
            .collect();
        let mut last = None;
        for batch in planned {
            let numbers = self.look_up_batch(batch, &scope, &policy)?.len() as u64;
            let row = self.batch(batch)?;
            let next = NextBatch::new(batch, row.group.as_str(), numbers);
            last = Some(next.with_indivisible(row.record.tries > 0));
            if numbers > 0 {
                break;
            }
        }
        Ok(last)
    }

    fn claim(&mut self, batch: i64, owner: &str, limit: u64, now_ms: u64) -> Result<Option<Claimed>> {
        let Some(row) = self.batches.get(&batch).filter(|row| row.record.state == BatchState::Planned) else {
            return Ok(None);
        };
        let (job, group, tries) = (row.job, row.group.clone(), row.record.tries);
        let Some((scope, policy)) = self.policy(job) else { return Ok(None) };
        let mut wanted = self.look_up_batch(batch, &scope, &policy)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // Late results of an earlier sending must still find their phone numbers here.
        if wanted.is_empty() || limit == 0 || (wanted.len() > limit && tries > 0) {
            return Ok(None);
        }
        let rest = wanted.split_off(limit.min(wanted.len()));
        if !rest.is_empty() {
            self.batch_mut(batch)?.numbers -= rest.len() as i64;
            let to = self.insert_further(job, &group, rest.len() as i64)?;
            for number in rest {
                self.move_row((batch, number), to, None)?;
            }
        }
        self.last_claim += 1;
        let claim = self.last_claim;
        let row = self.batch_mut(batch)?;
        row.record.claim(claim, owner, now_ms);
        let batch_no = numcheck_protocol::BatchNo::new(&row.record.batch_no)
            .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
        for number in &wanted {
            let before = self.sendings(&scope, *number)?.into_iter().map(|link| link.batch);
            let chain: Vec<i64> = [batch].into_iter().chain(before.filter(|one| *one != batch)).collect();
            self.set_chain(&scope, *number, &chain);
            if let Some(row) = self.numbers.get_mut(&(batch, *number)) {
                row.despite = None;
            }
        }
        Ok(Some(Claimed::new(batch, claim, batch_no, group, wanted)))
    }

    /// Moves a row into another batch. Where it was claimed with its old one, a trace stays behind, by which a late result and the book
    /// find it.
    fn move_row(&mut self, from: (i64, PhoneNumber), to: i64, despite: Option<i64>) -> Result<()> {
        let Some(row) = self.numbers.remove(&from) else { return Ok(()) };
        if self.batch(from.0)?.record.claim > 0 {
            let trace = NumberRow { row: row.row, prior: row.prior, ..NumberRow::default() };
            self.numbers.insert(from, trace);
        }
        let despite = despite.or(row.despite.filter(|_| row.via.is_none()));
        self.numbers.insert((to, from.1), NumberRow { via: None, despite, ..row });
        Ok(())
    }

    /// Plans rows that wait for a batch as batches of their own.
    fn plan_rows(&mut self, job: i64, rows: &[(i64, PhoneNumber)], despite: Option<i64>) -> Result<u64> {
        let mut groups: BTreeMap<String, Vec<(i64, PhoneNumber)>> = BTreeMap::new();
        for place in rows {
            groups.entry(self.batch(place.0)?.group.clone()).or_default().push(*place);
        }
        for (group, rows) in groups {
            let to = self.insert_further(job, &group, rows.len() as i64)?;
            for place in rows {
                if let Some(row) = self.numbers.get_mut(&place) {
                    row.despite = None;
                }
                self.move_row(place, to, despite)?;
            }
        }
        Ok(rows.len() as u64)
    }

    fn follow(&mut self, job: i64) -> Result<Followed> {
        let (mut reused, mut in_vain) = (0, BTreeMap::<i64, Vec<(i64, PhoneNumber)>>::new());
        for (place, via) in self.waiting(job) {
            let awaited = self.numbers.get(&(via, place.1)).cloned().unwrap_or_default();
            let is_elsewhere = awaited.via.is_some() || (awaited.job.is_none() && !self.is_forgotten(via)?);
            match awaited.result.filter(|_| awaited.via.is_none()) {
                Some(result) => {
                    if let Some(row) = self.numbers.get_mut(&place) {
                        row.result = Some(result);
                    }
                    self.count_reused(job, result.outcome, 1)?;
                    reused += 1;
                }
                None => {
                    let state = self.batch(via)?.record.state;
                    if is_elsewhere || matches!(state, BatchState::Planned | BatchState::Refused) {
                        in_vain.entry(via).or_default().push(place);
                    }
                }
            }
        }
        let mut planned = 0;
        for rows in in_vain.values() {
            planned += self.plan_rows(job, rows, None)?;
        }
        Ok(Followed::new(reused, planned))
    }

    fn resubmit_doubtful(&mut self, job: i64, before_ms: u64) -> Result<u64> {
        self.fold_all()?;
        if let Some((scope, policy)) = self.policy(job) {
            let planned = self.batches_of(job).filter(|(_, row)| row.record.state == BatchState::Planned);
            for batch in planned.map(|(id, _)| id).collect::<Vec<_>>() {
                self.look_up_batch(batch, &scope, &policy)?;
            }
        }
        self.follow(job)?;
        let mut numbers = 0;
        let is_meant = |record: &BatchRecord| record.last_sent_ms() < before_ms;
        let own: Vec<i64> = self
            .batches_of(job)
            .filter(|(_, row)| row.record.is_doubtful() && is_meant(&row.record) && row.open() > 0)
            .map(|(id, _)| id)
            .collect();
        for batch in own {
            let row = self.batch_mut(batch)?;
            let open = row.open();
            row.record.resubmitted += open;
            self.plan_again(batch)?;
            numbers += open as u64;
        }
        let mut waiting = BTreeMap::<i64, Vec<(i64, PhoneNumber)>>::new();
        for (place, via) in self.waiting(job) {
            let record = &self.batch(via)?.record;
            if is_meant(record) && (record.is_doubtful() || self.is_forgotten(via)?) {
                waiting.entry(via).or_default().push(place);
            }
        }
        for (via, rows) in waiting {
            numbers += self.plan_rows(job, &rows, Some(via))?;
        }
        Ok(numbers)
    }

    fn plan_again(&mut self, batch: i64) -> Result<()> {
        let name = self
            .batch_mut(batch)?
            .record
            .plan_again()
            .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
        self.names.insert(name.as_str().to_owned(), batch);
        Ok(())
    }

    /// The `batchNo` that a result of a batch names, if it has one.
    fn proof(&self, batch: i64) -> Option<String> {
        let own = self.rows_of(batch).filter(|(_, row)| row.via.is_none());
        let result = own.filter_map(|(_, row)| row.result).next()?;
        Some(self.results.get(&result.id)?.batch_no.clone())
    }

    // Results

    fn append(&mut self, results: Vec<NewResult>) {
        for result in results {
            self.last_result += 1;
            self.results.insert(self.last_result, result);
        }
    }

    fn fold_all(&mut self) -> Result<()> {
        self.fold(u32::MAX).map(drop)
    }

    fn fold(&mut self, most: u32) -> Result<Folded> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let waiting = self.results.range(self.folded + 1..).take(most);
        let arrived: Vec<Arrived> = waiting
            .map(|(id, result)| Arrived::read(*id, self.names.get(&result.batch_no).copied(), result.clone()))
            .collect();
        let Some(last) = arrived.last().map(Arrived::id) else { return Ok(Folded::default()) };
        let recorded = self.recorded(&arrived)?;
        let judged = judge(arrived, recorded);
        let mut kept = KeptBefore::new();
        for aside in self.aside.values() {
            kept.add(aside.batch_no.clone(), aside.number, aside.hash);
        }
        let (changes, mut folded) = judged.finish(&kept);
        folded.news = self.apply(changes)?;
        self.folded = last;
        Ok(folded)
    }

    fn recorded(&self, arrived: &[Arrived]) -> Result<Recorded> {
        let mut recorded = Recorded::default();
        for id in arrived.iter().filter_map(Arrived::batch) {
            let row = self.batch(id)?;
            let Job { spec, state, .. } = &self.job(row.job)?.job;
            let (account, group) = (spec.scope.account.as_str().into(), row.group.as_str().into());
            let batch_no = row.record.batch_no.clone();
            let mut batch = FoldedBatch::new(row.job, account, spec.scope.level, group, batch_no);
            batch.state = row.record.state;
            (batch.numbers, batch.aside) = (row.numbers as u64, row.aside as u64);
            batch.is_forgotten = *state == JobState::Forgotten;
            recorded.batches.insert(id, batch);
        }
        let mut wanted = recorded.wanted(arrived);
        for batch in std::mem::take(&mut wanted.single) {
            let mut own = self.rows_of(batch).filter(|(_, row)| row.via.is_none());
            if let (Some((number, _)), None) = (own.next(), own.next()) {
                wanted.add_only(&mut recorded, batch, number);
            }
        }
        for place in wanted.places {
            let Some(row) = self.numbers.get(&place) else { continue };
            let mut slot = Slot::new();
            (slot.via, slot.has_moved) = (row.via, row.job.is_none());
            if let Some(has) = row.result
                && let Some(result) = self.results.get(&has.id)
            {
                slot.held = Some(Held::new(has.id, has.outcome, result.clone()));
            }
            recorded.slots.insert(place, slot);
        }
        Ok(recorded)
    }

    fn apply(&mut self, changes: Changes) -> Result<Vec<Drift>> {
        for first in &changes.firsts {
            self.settle(first)?;
        }
        for (first, before) in changes.instead {
            self.settle(&first)?;
            self.aside.insert(before.id, before);
        }
        for id in changes.dropped {
            self.results.remove(&id);
        }
        for aside in changes.aside {
            self.aside.insert(aside.id, aside);
        }
        for (id, tally) in changes.tallies {
            let row = self.batch_mut(id)?;
            row.done += tally.done;
            row.failed += tally.failed;
            row.refused += tally.refused;
            row.unpriced += tally.unpriced;
            row.numbers += tally.numbers;
            row.aside += tally.aside;
            row.charged_again += tally.charged_again;
            if let Some(proof) = tally.proof {
                let record = &mut row.record;
                (record.state, record.batch_no) = (BatchState::Accepted, proof.batch_no);
                (record.code, record.message) = (None, None);
                record.sent_ms.get_or_insert(proof.received_ms);
            }
        }
        let new = changes.sums.added_to(&self.sums);
        self.sums.costs.extend(new.costs);
        self.sums.charges.extend(new.charges);
        self.sums.prices.extend(new.prices);
        Ok(self.count_drift(changes.drift))
    }

    fn settle(&mut self, first: &First) -> Result<()> {
        if let Some(row) = self.numbers.get_mut(&first.place) {
            row.result = Some(BookResult::new(first.id, first.received_ms, first.outcome));
            row.via = None;
        }
        match first.detached {
            Some((_, Some(taken))) => self.count_reused(self.batch(first.place.0)?.job, taken, -1),
            _ => Ok(()),
        }
    }

    fn count_drift(&mut self, drift: BTreeMap<(i64, Drift), u64>) -> Vec<Drift> {
        let mut news = Vec::new();
        for ((job, drift), count) in drift {
            let places = self.drift.keys().filter(|(of, _)| *of == job).count() as u64;
            let is_known = self.drift.contains_key(&(job, drift.clone()));
            let drift = if is_known || places < MAX_DRIFT_PLACES { drift } else { further_places(&drift) };
            let counted = self.drift.entry((job, drift.clone())).or_default();
            if *counted == 0 {
                news.push(drift);
            }
            *counted += count;
        }
        news
    }

    // What is forgotten

    fn forget(&mut self, job: i64, even_unsettled: bool) -> Result<Forgotten> {
        self.fold_all()?;
        let unsettled = self.ledger(job)?.unsettled();
        let Some(row) = self.jobs.get(&job) else { return Ok(Forgotten::default()) };
        if unsettled > 0 && !even_unsettled {
            return Ok(Forgotten::new(unsettled, Vec::new()));
        }
        let scope = row.job.spec.scope.clone();
        let own: BTreeSet<i64> = self.batches_of(job).map(|(id, _)| id).collect();
        // Checks that other jobs refer to stay, as traces of no job.
        let mut referred = BTreeSet::new();
        let mut counts = BTreeMap::<i64, u64>::new();
        let mut left_over = BTreeSet::new();
        for ((_, number), row) in &self.numbers {
            let (Some(via), Some(by)) = (row.via, row.job) else { continue };
            if by != job && own.contains(&via) {
                referred.insert((via, *number));
                *counts.entry(by).or_default() += 1;
            }
            if by == job && self.is_forgotten(via)? {
                left_over.insert((via, *number));
            }
        }
        // What was left of jobs that were forgotten before, for this one alone.
        for ((_, number), row) in &self.numbers {
            if let Some(via) = row.via.filter(|_| row.job.is_some_and(|by| by != job)) {
                left_over.remove(&(via, *number));
            }
        }
        let goes = |place: &(i64, PhoneNumber)| {
            (own.contains(&place.0) && !referred.contains(place)) || left_over.contains(place)
        };
        let gone: Vec<(i64, PhoneNumber)> =
            self.numbers.keys().filter(|place| goes(place)).copied().collect();
        for (_, number) in &gone {
            let sendings = self.sendings(&scope, *number)?;
            let stays = sendings.into_iter().map(|link| link.batch).filter(|batch| !goes(&(*batch, *number)));
            let stays: Vec<i64> = stays.collect();
            self.set_chain(&scope, *number, &stays);
        }
        for place in gone {
            let row = self.numbers.remove(&place).unwrap_or_default();
            if let Some(result) = row.result.filter(|_| row.via.is_none()) {
                self.results.remove(&result.id);
            }
        }
        for row in self.numbers.values_mut().filter(|row| row.job == Some(job)) {
            row.job = None;
        }
        let names = &self.names;
        let is_own = |aside: &KeptAside| names.get(&aside.batch_no).is_some_and(|batch| own.contains(batch));
        let aside: Vec<i64> = self.aside.values().filter(|aside| is_own(aside)).map(|one| one.id).collect();
        for id in aside {
            self.aside.remove(&id);
            self.results.remove(&id);
        }
        for batch in own {
            let record = &mut self.batch_mut(batch)?.record;
            (record.message, record.message_id) = (None, None);
        }
        self.drift.retain(|(of, _), _| *of != job);
        let row = self.job_mut(job)?;
        (row.input, row.duplicates) = (BTreeMap::new(), BTreeMap::new());
        row.job.state = JobState::Forgotten;
        (row.job.spec.set, row.job.spec.notes) = (String::new(), serde_json::Value::Null);
        let mut kept_for = Vec::new();
        for (job, count) in counts.into_iter().rev() {
            kept_for.push((self.job(job)?.job.name.clone(), count));
        }
        Ok(Forgotten::new(unsettled, kept_for))
    }

    fn jobs_of(&self, number: PhoneNumber) -> Vec<Job> {
        let has = |id: i64| self.numbers.iter().any(|((_, of), row)| *of == number && row.job == Some(id));
        self.jobs.values().rev().filter(|row| has(row.job.id)).map(|row| row.job.clone()).collect()
    }

    fn forget_number(&mut self, number: PhoneNumber, without: Vec<InputPiece>) -> Result<Vec<JobName>> {
        self.fold_all()?;
        let mut unsettled = BTreeSet::new();
        for ((batch, of), row) in &self.numbers {
            let Some(job) = row.job.filter(|_| *of == number && row.result.is_none()) else { continue };
            let (state, job_state) = (self.batch(*batch)?.record.state, self.job(job)?.job.state);
            let is_over = state == BatchState::Refused
                || (state == BatchState::Planned && job_state == JobState::Replaced);
            if row.via.is_some() || !is_over {
                unsettled.insert(job);
            }
        }
        if !unsettled.is_empty() {
            let names = unsettled.into_iter().rev();
            return names.map(|job| Ok(self.job(job)?.job.name.clone())).collect();
        }
        for piece in without {
            if let Some(bytes) = self.job_mut(piece.job)?.input.get_mut(&piece.sequence) {
                *bytes = piece.bytes;
            }
        }
        for job in self.jobs_of(number) {
            let rows = self.numbers.iter().filter(|((_, of), row)| *of == number && row.job == Some(job.id));
            let rows: BTreeSet<u64> = rows.map(|(_, row)| row.row).collect();
            let found = self.job_mut(job.id)?;
            found.job.spec.set = String::new();
            found.duplicates.retain(|_, first| !rows.contains(first));
        }
        let shows = |body: &[u8]| {
            let digits = number.digits().as_bytes();
            body.windows(digits.len()).any(|part| part == digits)
        };
        let mut gone: BTreeSet<i64> = BTreeSet::new();
        gone.extend(
            self.numbers.iter().filter_map(|((_, of), row)| (*of == number).then_some(row.result?.id)),
        );
        for aside in self.aside.values() {
            let shown = self.results.get(&aside.id).is_some_and(|result| shows(&result.body));
            if aside.number == Some(number) || shown {
                gone.insert(aside.id);
            }
        }
        self.numbers.retain(|(_, of), _| *of != number);
        self.checks.retain(|(_, of), _| *of != number);
        self.aside.retain(|id, _| !gone.contains(id));
        self.results.retain(|id, _| !gone.contains(id));
        for batch in self.batches.values_mut() {
            let message = &mut batch.record.message;
            if message.as_ref().is_some_and(|message| shows(message.as_bytes())) {
                *message = None;
            }
        }
        Ok(Vec::new())
    }

    // What is told

    fn look_up(&self, scope: &Scope, number: PhoneNumber) -> Result<Option<Known>> {
        for link in self.sendings(scope, number)? {
            if let Some(state) = link.known() {
                let row = self.batch(link.batch)?;
                let at_ms = link.result.map_or(row.record.last_sent_ms(), |result| result.received_ms);
                return Ok(Some(Known::new(state, at_ms, row.job)));
            }
        }
        Ok(None)
    }

    fn history(&self, number: PhoneNumber) -> Result<Vec<Sending>> {
        let mut history = Vec::new();
        for scope in &self.scopes {
            for link in self.sendings(scope, number)? {
                let batch = self.batch(link.batch)?;
                let name = self.job(batch.job)?.job.name.clone();
                let row = self.numbers.get(&(link.batch, number));
                let result = row.filter(|row| row.via.is_none()).and_then(|row| row.result);
                let result = result.and_then(|has| self.results.get(&has.id));
                let told = result.map(|result| (result.source, result.body.clone(), result.received_ms));
                let record = &batch.record;
                let sending = Sending::new(scope.clone(), name, record.batch_no.as_str(), record.state);
                history.push(sending.with_sent_ms(record.sent_ms).with_result(told));
            }
        }
        history.sort_by_key(|sending| std::cmp::Reverse(sending.sent_ms));
        Ok(history)
    }

    fn merge_account(&mut self, old: &str, new: &str) -> Result<()> {
        if old == new {
            return Ok(());
        }
        let renamed = |scope: &Scope| Scope::new(new, scope.service.as_str(), scope.level);
        let from: Vec<Scope> = self.scopes.iter().filter(|scope| scope.account == old).cloned().collect();
        for scope in from {
            let to = renamed(&scope);
            let numbers: Vec<PhoneNumber> =
                self.checks.keys().filter(|(of, _)| *of == scope).map(|(_, number)| *number).collect();
            for number in numbers {
                let mut sendings = self.sendings(&scope, number)?;
                sendings.extend(self.sendings(&to, number)?);
                let claims =
                    sendings.iter().map(|link| Ok((self.batch(link.batch)?.record.claim, link.batch)));
                let chain = chain(claims.collect::<Result<_>>()?);
                self.checks.remove(&(scope.clone(), number));
                self.set_chain(&to, number, &chain);
            }
            self.scopes.retain(|one| *one != scope && *one != to);
            self.scopes.push(to.clone());
            for row in self.jobs.values_mut().filter(|row| row.job.spec.scope == scope) {
                row.job.spec.scope = to.clone();
            }
        }
        let mut moved = Sums::new();
        let is_old = |(account, ..): &(Arc<str>, i64, _)| &**account == old;
        for (key, amount) in self.sums.charges.iter().filter(|(key, _)| is_old(key)) {
            moved.charges.insert((new.into(), key.1, key.2), *amount);
        }
        self.sums.charges.retain(|key, _| !is_old(key));
        let moved = moved.added_to(&self.sums);
        self.sums.charges.extend(moved.charges);
        Ok(())
    }

    fn ledger(&self, job: i64) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        for (_, batch) in self.batches_of(job) {
            let mut sums = BatchSums::new(batch.record.state, batch.record.missing);
            sums.numbers = batch.numbers as u64;
            (sums.done, sums.failed) = (batch.done as u64, batch.failed as u64);
            (sums.refused, sums.unpriced) = (batch.refused as u64, batch.unpriced as u64);
            sums.charged_again = batch.charged_again as u64;
            sums.may_be_charged = batch.may_be_charged() as u64;
            ledger.add(sums);
        }
        for (_, via) in self.waiting(job) {
            let record = &self.batch(via)?.record;
            ledger.add_waiting(record.state, record.missing || self.is_forgotten(via)?, 1);
        }
        if let Some(row) = self.jobs.get(&job) {
            let [done, failed, refused] = row.reused.map(|count| count.max(0) as u64);
            ledger.reused = Reused::new(done, failed, refused);
        }
        for ((of, outcome, currency), sum) in &self.sums.costs {
            if *of == job {
                ledger.costs.insert((*outcome, *currency), *sum);
            }
        }
        Ok(ledger.checked())
    }

    fn spending(&self, account: &str, since_ms: u64) -> Result<Spending> {
        let mut spending = Spending::new();
        for ((of, day, currency), amount) in &self.sums.charges {
            if &**of == account && *day >= day_of(since_ms) {
                spending.charge(*currency, *amount);
            }
        }
        for batch in self.batches.values() {
            let scope = &self.job(batch.job)?.job.spec.scope;
            if scope.account != account {
                continue;
            }
            let is_sent = !matches!(batch.record.state, BatchState::Planned | BatchState::Refused);
            if is_sent && batch.open() > 0 {
                let key = (scope.level, batch.group.clone());
                *spending.under_way.entry(key).or_default() += batch.open() as u64;
            }
            let unpriced = batch.unpriced + batch.may_be_charged();
            if unpriced > 0 && batch.record.sent_ms.unwrap_or_default() >= unpriced_since_ms(since_ms) {
                *spending.unpriced.entry(scope.level).or_default() += unpriced as u64;
            }
        }
        Ok(spending)
    }

    fn open_batches(&self, job: i64) -> Result<Vec<OpenBatch>> {
        let waited_for: BTreeSet<i64> = self.waiting(job).into_iter().map(|(_, via)| via).collect();
        let state = self.jobs.get(&job).map(|row| row.job.state);
        let is_alive = matches!(state, Some(JobState::Open | JobState::Replaced));
        let mut open = Vec::new();
        for (id, batch) in &self.batches {
            let record = &batch.record;
            let is_wanted = (batch.job == job && is_alive) || waited_for.contains(id);
            let is_sent = !matches!(record.state, BatchState::Planned | BatchState::Refused);
            if !is_wanted || !is_sent || batch.open() <= 0 {
                continue;
            }
            let batch_no = numcheck_protocol::BatchNo::new(&record.batch_no)
                .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
            let mut one = OpenBatch::new(*id, batch.job, batch_no, record.state, batch.numbers as u64);
            (one.claim, one.owner) = (record.claim, record.owner.clone().unwrap_or_default());
            one.group.clone_from(&batch.group);
            (one.sent_ms, one.signed) = (record.sent_ms.unwrap_or_default(), record.signed);
            (one.from_reply, one.missing) = (record.from_reply, record.missing);
            one.settled = (batch.numbers - batch.open()) as u64;
            one.message.clone_from(&record.message);
            open.push(one);
        }
        Ok(open)
    }

    fn controls(&self, scope: &Scope, after_ms: u64, most: u32) -> Result<Vec<Control>> {
        let mut found = Vec::new();
        for (id, batch) in &self.batches {
            let Some(signed) = batch.record.signed.filter(|signed| signed.first_ms > after_ms) else {
                continue;
            };
            let is_accepted = batch.record.state == BatchState::Accepted && batch.record.tries == 0;
            if is_accepted && batch.numbers > batch.refused && self.job(batch.job)?.job.spec.scope == *scope {
                let batch_no = numcheck_protocol::BatchNo::new(&batch.record.batch_no).map_err(|_| {
                    StoreError::damaged("a batch has a batchNo that the platform would not take")
                })?;
                let taken = (batch.numbers - batch.refused) as u64;
                let control = Control::new(*id, batch_no, signed, taken, batch.failed as u64);
                found.push(((batch.failed == 0, batch.numbers, *id), control));
            }
        }
        found.sort_by_key(|(order, _)| *order);
        found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(found.into_iter().map(|(_, control)| control).collect())
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> Result<Vec<RowFate>> {
        let Some(found) = self.jobs.get(&job) else { return Ok(Vec::new()) };
        let mut by_row = BTreeMap::new();
        for ((batch, number), row) in &self.numbers {
            if row.job == Some(job) {
                by_row.insert(row.row, self.fate(*batch, *number, row)?);
            }
        }
        let mut fates = by_row.clone();
        for (row, first) in &found.duplicates {
            if let Some(fate) = by_row.get(first) {
                let mut fate = fate.clone();
                (fate.row, fate.duplicate) = (*row, true);
                fates.insert(*row, fate);
            }
        }
        let from = after_row.map_or(0, |row| row + 1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(fates.into_iter().filter(|(row, _)| *row >= from).take(most).map(|(_, fate)| fate).collect())
    }

    fn fate(&self, batch: i64, number: PhoneNumber, row: &NumberRow) -> Result<RowFate> {
        let sent_by = row.via.unwrap_or(batch);
        let record = &self.batch(sent_by)?.record;
        let mut fate = RowFate::new(row.row, number, record.batch_no.as_str(), record.state);
        fate.reused = row.via.is_some();
        // The result of what a forgotten job has sent will not be known.
        let is_lost = row.via.is_some() && row.result.is_none() && self.is_forgotten(sent_by)?;
        fate.missing = record.missing || is_lost;
        (fate.code, fate.message) = (record.code, record.message.clone());
        if let Some(result) = row.result.and_then(|has| self.results.get(&has.id)) {
            fate.result = Some((result.source, result.body.clone()));
            fate.received_ms = Some(result.received_ms);
        }
        Ok(fate)
    }

    fn quarantine(&self, after: i64, most: u32) -> Vec<Quarantined> {
        let kept = self.aside.range(after + 1..).filter_map(|(id, aside)| {
            let result = self.results.get(id)?;
            let (body, received_ms) = (result.body.clone(), result.received_ms);
            Some(Quarantined::new(*id, aside.batch_no.as_str(), aside.number.is_some(), body, received_ms))
        });
        kept.take(usize::try_from(most).unwrap_or(usize::MAX)).collect()
    }
}

impl Memory {
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
        let jobs = tables.all_unfinished(spec).into_iter().filter_map(|id| Some(&tables.jobs.get(&id)?.job));
        ready(Ok(jobs.filter(|job| spec.continues(job)).cloned().next()))
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

    fn next_batch<'a>(&'a self, job: i64, skip: &'a [String]) -> StoreFuture<'a, Option<NextBatch>> {
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
        ready(tables.batch_mut(batch).map(|row| _ = row.record.end(claim, end, now_ms, proof.as_deref())))
    }

    fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        let mut tables = self.tables();
        let proof = tables.proof(batch);
        ready(tables.batch_mut(batch).map(|row| row.record.give_up(claim, proof.as_deref())))
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

    fn expects<'a>(&'a self, batch_no: &'a str, number: PhoneNumber) -> StoreFuture<'a, bool> {
        let tables = self.tables();
        let row = tables.names.get(batch_no).and_then(|batch| tables.numbers.get(&(*batch, number)));
        ready(Ok(row.is_some_and(|row| row.result.is_none())))
    }

    fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool> {
        let tables = self.tables();
        let batch = tables.names.get(batch_no).and_then(|batch| tables.batches.get(batch));
        ready(Ok(batch.is_some_and(|batch| batch.aside as u64 >= max_aside(batch.numbers as u64))))
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let store = Memory::default();
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

    numcheck_bulk::conformance!(Process(Memory::default()));
}
