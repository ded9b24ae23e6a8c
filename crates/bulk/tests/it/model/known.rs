//! What a store should know of every sending: the same calls in memory, in a few lines, without a database.
//!
//! Pure. It is told what a store was asked and what it answered, and says what must be found there now. Which rows stand for which
//! sending is the store's own affair, and is held against this: a row must say of its sending what is known of it here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use numcheck_bulk::conformance::reader;
use numcheck_bulk::proof::SignedSpan;
use numcheck_bulk::store::{Claimed, Control, Folded, NewResult, OpenBatch, RowFate, Source};
use numcheck_bulk::{BatchEnd, BatchState, Job, JobState, Outcome};
use numcheck_protocol::{Currency, PhoneNumber, Price};

use crate::model::scenario::{Command, Takes};

/// Results may seem to come from so far in the future before their age is unknown.
const MAX_SKEW_MS: u64 = 5 * 60_000;

/// Everything that was told.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) jobs: BTreeMap<i64, OfJob>,
    /// Batches that were ever claimed, by the store's key.
    pub(crate) batches: BTreeMap<i64, Batch>,
    /// Every `batchNo` under which one was claimed.
    names: BTreeMap<String, i64>,
    /// Of which a reply has left a doubt, in writing.
    pub(crate) doubted: BTreeSet<String>,
    /// The first result of each sending that has one.
    pub(crate) results: BTreeMap<(i64, PhoneNumber), Result>,
    waiting: VecDeque<NewResult>,
    /// Kept aside.
    pub(crate) quarantined: Vec<Result>,
    /// Of which batch and number, and what was paid under each `batchNo`.
    charges: BTreeMap<(i64, PhoneNumber, String), Charge>,
    /// Everything that was ever stored, and when.
    pub(crate) stored: BTreeMap<(String, Vec<u8>), u64>,
    every: Vec<NewResult>,
    /// Phone numbers that have moved into another batch since this one was sent.
    moved: BTreeSet<(i64, PhoneNumber)>,
    /// Doubts that a person has decided not to wait for.
    despite: BTreeSet<(i64, PhoneNumber)>,
    /// Steps since the last that changed something.
    idle: u32,
}

pub(crate) struct OfJob {
    /// Which command has made it.
    pub(crate) command: usize,
    pub(crate) set: String,
    pub(crate) state: JobState,
    /// How many results were stored before.
    pub(crate) marker: usize,
}

pub(crate) struct Batch {
    pub(crate) job: i64,
    pub(crate) batch_no: String,
    pub(crate) state: BatchState,
    pub(crate) claim: i64,
    /// The phone numbers of its last claim.
    pub(crate) numbers: Vec<PhoneNumber>,
    pub(crate) signed: Option<SignedSpan>,
    pub(crate) missing: bool,
    confirmed: bool,
    from_reply: bool,
    tries: u64,
}

/// A result of a phone number, as it came.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Result {
    pub(crate) batch: i64,
    pub(crate) batch_no: String,
    pub(crate) number: PhoneNumber,
    pub(crate) source: Source,
    pub(crate) body: Vec<u8>,
}

impl Result {
    fn says(&self, source: Source, body: &[u8]) -> bool {
        reader::same((self.source, &self.body), (source, body))
    }
}

/// How a sending ended, and what it cost.
type Charge = (Outcome, Option<(Currency, Price)>);

/// What a job's results cost, by outcome and currency; and how many were charged again.
pub(crate) type Costs = (BTreeMap<(Outcome, Currency), (u64, Price)>, u64);

impl Known {
    /// Whether it is worth looking whether the store knows the same. Where nothing should have changed, now and then.
    pub(crate) fn is_due(&mut self, changed: bool) -> bool {
        self.idle = if changed { 0 } else { self.idle + 1 };
        self.idle.is_multiple_of(64)
    }

    /// A job was made or found. Says which phone numbers a person has had checked again by it.
    pub(crate) fn made(&mut self, job: &Job, command: usize, of: &Command) -> Vec<PhoneNumber> {
        if self.jobs.contains_key(&job.id) || job.state != JobState::Planning {
            return Vec::new();
        }
        // Plans that others had begun are removed, and what overrides the book replaces what is unfinished.
        let set = of.set();
        self.jobs.retain(|_, other| other.set != set || other.state != JobState::Planning);
        let (state, created_ms, marker) = (JobState::Planning, job.created_ms, self.every.len());
        self.jobs.insert(job.id, OfJob { command, set, state, marker });
        let is_old = |result: &&NewResult| match of.takes {
            Takes::All => false,
            Takes::None => true,
            Takes::Younger(_) => {
                result.received_ms < job.spec.reuse.since_ms || result.received_ms > created_ms + MAX_SKEW_MS
            }
            Takes::NoFailures => reader::read(result.source, &result.body)
                .is_some_and(|facts| facts.outcome == Outcome::Passing),
        };
        let numbers = (of.first..of.first + of.count()).map(crate::model::made::number);
        let old: BTreeSet<PhoneNumber> = self.every.iter().filter(is_old).filter_map(number_of).collect();
        numbers.filter(|number| old.contains(number)).collect()
    }

    pub(crate) fn finished(&mut self, job: &Job) {
        if let Some(of_job) = self.jobs.get_mut(&job.id)
            && of_job.state == JobState::Planning
        {
            of_job.state = JobState::Open;
        }
    }

    /// A batch was taken: none of its phone numbers is under way or in doubt, unless a person has decided not to wait for that.
    pub(crate) fn claimed(&mut self, job: i64, claimed: &Claimed) {
        for number in &claimed.numbers {
            for (key, batch) in self.batches.iter().filter(|(key, _)| **key != claimed.batch) {
                let is_covered = self.despite.contains(&(*key, *number))
                    || self.jobs[&batch.job].state == JobState::Forgotten;
                assert!(
                    !self.is_live(*key, number) || is_covered,
                    "…{} of {} is {:?} in {}, and was claimed again",
                    &number.digits()[8..],
                    claimed.batch_no,
                    batch.state,
                    batch.batch_no
                );
            }
        }
        let batch = self.batches.entry(claimed.batch).or_insert_with(|| Batch {
            job,
            batch_no: String::new(),
            state: BatchState::Planned,
            claim: 0,
            numbers: Vec::new(),
            signed: None,
            missing: false,
            confirmed: false,
            from_reply: false,
            tries: 0,
        });
        assert_eq!(batch.state, BatchState::Planned, "{} was claimed", claimed.batch_no);
        assert!(claimed.claim > batch.claim, "a claim has no key of its own");
        batch.batch_no = claimed.batch_no.as_str().to_owned();
        (batch.state, batch.claim, batch.numbers) =
            (BatchState::Sending, claimed.claim, claimed.numbers.clone());
        (batch.confirmed, batch.from_reply, batch.missing) = (false, false, false);
        let of = self.names.insert(batch.batch_no.clone(), claimed.batch);
        assert!(of.is_none_or(|of| of == claimed.batch), "a batchNo is used twice");
    }

    pub(crate) fn confirmed(&mut self, batch: i64, claim: i64, ts_ms: u64, done: bool) {
        let batch = self.batches.get_mut(&batch).expect("a batch that was claimed");
        let holds = batch.claim == claim && batch.state == BatchState::Sending;
        assert_eq!(done, holds, "{} is {:?}, and a claim was confirmed: {done}", batch.batch_no, batch.state);
        if done {
            batch.confirmed = true;
            batch.signed = Some(batch.signed.map_or(SignedSpan::at(ts_ms), |signed| signed.with(ts_ms)));
        }
    }

    pub(crate) fn ended(&mut self, key: i64, claim: i64, end: &BatchEnd) {
        let batch = self.batches.get_mut(&key).expect("a batch that was claimed");
        if batch.claim != claim || !matches!(batch.state, BatchState::Sending | BatchState::InDoubt) {
            return;
        }
        batch.from_reply = false;
        batch.state = match end {
            BatchEnd::Accepted { .. } => BatchState::Accepted,
            BatchEnd::Refused { .. } => BatchState::Refused,
            BatchEnd::NotSent | BatchEnd::NotCarriedOut { .. } => BatchState::Planned,
            BatchEnd::InDoubt { from_reply, .. } => {
                batch.from_reply = *from_reply;
                BatchState::InDoubt
            }
            _ => panic!("an end that is not known: {end:?}"),
        };
        if batch.from_reply {
            self.doubted.insert(batch.batch_no.clone());
        }
        self.accept_if_proved(key);
    }

    pub(crate) fn gave_up(&mut self, key: i64, claim: i64, done: bool) {
        let batch = self.batches.get_mut(&key).expect("a batch that was claimed");
        assert_eq!(done, batch.claim == claim && batch.state == BatchState::Sending);
        if done {
            batch.state = if batch.confirmed { BatchState::InDoubt } else { BatchState::Planned };
            self.accept_if_proved(key);
        }
    }

    /// The platform was found not to know a batch.
    pub(crate) fn planned_again(&mut self, key: i64, claim: i64, done: bool) {
        self.fold_all();
        let batch = &self.batches[&key];
        let is_kept = matches!(self.jobs[&batch.job].state, JobState::Open | JobState::Replaced);
        let possible = is_kept && batch.state == BatchState::InDoubt && batch.claim == claim;
        assert_eq!(done, possible, "{} is {:?}", batch.batch_no, batch.state);
        assert!(!(done && batch.from_reply), "{}: a doubt from a reply was ended by absence", batch.batch_no);
        if done {
            self.rename(key);
        }
    }

    fn rename(&mut self, key: i64) {
        let batch = self.batches.get_mut(&key).expect("a batch that was claimed");
        let first = batch.batch_no.strip_suffix(&format!(".r{}", batch.tries)).unwrap_or(&batch.batch_no);
        batch.tries += 1;
        self.names.insert(format!("{first}.r{}", batch.tries), key);
        batch.state = BatchState::Planned;
        (batch.signed, batch.missing, batch.from_reply, batch.confirmed) = (None, false, false, false);
    }

    /// A person has what is in doubt sent again; `before` and `after` are the job's rows. Says which phone numbers.
    pub(crate) fn resubmitted(
        &mut self,
        job: i64,
        before: &[RowFate],
        after: &[RowFate],
    ) -> Vec<PhoneNumber> {
        let own = |row: &&RowFate| {
            let in_doubt =
                row.state == BatchState::InDoubt || row.state == BatchState::Accepted && row.missing;
            !row.reused && !row.duplicate && row.result.is_none() && in_doubt
        };
        let keys: BTreeSet<i64> =
            before.iter().filter(own).map(|row| self.names[row.batch_no.as_str()]).collect();
        keys.into_iter().for_each(|key| self.rename(key));
        let mut decided = Vec::new();
        for (before, after) in before.iter().zip(after).filter(|(row, _)| !row.duplicate) {
            let was_free = before.reused && matches!(before.state, BatchState::Planned | BatchState::Refused);
            let is_planned = after.state == BatchState::Planned && !after.reused && after.result.is_none();
            if is_planned && after.batch_no != before.batch_no && !was_free {
                decided.push(after.number);
            }
        }
        for number in &decided {
            let others = self.batches.iter().filter(|(_, batch)| batch.job != job).map(|(key, _)| *key);
            let live: Vec<_> = others.filter(|key| self.is_doubtful(*key, number)).collect();
            self.despite.extend(live.into_iter().map(|key| (key, *number)));
        }
        decided
    }

    /// Some of a job's rows may have moved: they are planned in batches that nobody has claimed.
    pub(crate) fn moved(&mut self, job: i64, rows: &[RowFate]) {
        let is_new = |row: &&RowFate| {
            !row.reused && row.state == BatchState::Planned && !self.names.contains_key(&row.batch_no)
        };
        let moved: Vec<_> = rows
            .iter()
            .filter(is_new)
            .flat_map(|row| self.batches.iter().map(move |(key, batch)| (*key, batch, row.number)))
            .filter(|(_, batch, number)| batch.job == job && batch.numbers.contains(number))
            .map(|(key, _, number)| (key, number))
            .collect();
        self.moved.extend(moved);
    }

    pub(crate) fn appended(&mut self, results: Vec<NewResult>) {
        for result in results {
            let key = (result.batch_no.clone(), result.body.clone());
            self.stored.entry(key).or_insert(result.received_ms);
            self.every.push(result.clone());
            self.waiting.push_back(result);
        }
    }

    pub(crate) fn folded(&mut self, most: u32, folded: &Folded) -> bool {
        let seen = (most as usize).min(self.waiting.len()) as u32;
        let mut counted = Folded { seen, ..Folded::default() };
        for _ in 0..seen {
            self.fold_one(&mut counted);
        }
        assert_eq!(*folded, counted);
        seen > 0
    }

    pub(crate) fn marked_missing(&mut self, key: i64, claim: i64, count: u64) {
        let batch = self.batches.get_mut(&key).expect("a batch that was claimed");
        let possible = batch.state == BatchState::Accepted && !batch.missing && batch.claim == claim;
        assert!(possible || count == 0, "{} is {:?}", batch.batch_no, batch.state);
        batch.missing |= count > 0;
    }

    /// Says for which phone numbers the book has nothing any more.
    pub(crate) fn forgot(&mut self, job: i64) -> Vec<PhoneNumber> {
        self.fold_all();
        let Some(of_job) = self.jobs.get_mut(&job) else { return Vec::new() };
        of_job.state = JobState::Forgotten;
        let of: BTreeSet<i64> =
            self.batches.iter().filter(|(_, batch)| batch.job == job).map(|(key, _)| *key).collect();
        self.quarantined.retain(|result| !of.contains(&result.batch));
        let forgotten = self.batches.values().filter(|batch| batch.job == job);
        forgotten.flat_map(|batch| batch.numbers.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What is listed as open is known as such, and so are its signatures.
    pub(crate) fn listed(&self, job: i64, open: &[OpenBatch]) {
        for listed in open {
            let Some(batch) = self.batches.get(&listed.batch) else {
                panic!("{} is open, and was never claimed", listed.batch_no)
            };
            // What a reply said of it matters in doubt only.
            let from_reply = |said: bool| said && batch.state == BatchState::InDoubt;
            let is =
                (listed.state, listed.claim, listed.signed, from_reply(listed.from_reply), listed.missing);
            let should =
                (batch.state, batch.claim, batch.signed, from_reply(batch.from_reply), batch.missing);
            // A batch of which nothing was left to send is known here as planned.
            assert!(is == should || !is_sent(batch.state), "{}: {is:?}, {should:?}", listed.batch_no);
        }
        let is_kept = |job| matches!(self.jobs[&job].state, JobState::Open | JobState::Replaced);
        for (key, batch) in self.batches.iter().filter(|(_, batch)| batch.job == job && is_kept(job)) {
            // Where something has come, rows may stand for other sendings by now.
            let is_open = matches!(batch.state, BatchState::Sending | BatchState::InDoubt);
            let has_none = !batch.numbers.iter().any(|number| self.results.contains_key(&(*key, *number)));
            let is_listed = open.iter().any(|listed| listed.batch == *key);
            assert!(is_listed || !is_open || !has_none, "{} is open, and not listed", batch.batch_no);
        }
    }

    pub(crate) fn controls(&self, after_ms: u64, controls: &[Control]) {
        for control in controls {
            let batch = &self.batches[&control.batch];
            assert_eq!(batch.state, BatchState::Accepted, "{}", control.batch_no);
            assert_eq!(Some(control.signed), batch.signed, "{}", control.batch_no);
            assert!(control.signed.first_ms > after_ms && batch.tries == 0, "{}", control.batch_no);
            assert_eq!(control.numbers, batch.numbers.len() as u64, "{}", control.batch_no);
        }
    }

    pub(crate) fn costs(&self, job: i64) -> Costs {
        let (mut costs, mut again) = (BTreeMap::<_, (u64, Price)>::new(), 0);
        for ((batch, number, batch_no), (outcome, cost)) in &self.charges {
            if self.batches[batch].job != job {
                continue;
            }
            let is_second = self.results[&(*batch, *number)].batch_no != *batch_no;
            again += u64::from(is_second || self.moved.contains(&(*batch, *number)));
            if let Some((currency, price)) = cost {
                let sum = costs.entry((*outcome, *currency)).or_default();
                *sum = (sum.0 + 1, sum.1.checked_add(*price).unwrap());
            }
        }
        (costs, again)
    }

    /// Nobody may say "in doubt" of what is known, and nothing that has a result may be sent, refused or doubted.
    pub(crate) fn check(&self) {
        for (key, _) in self.results.keys() {
            let batch = &self.batches[key];
            let known =
                matches!(batch.state, BatchState::Accepted | BatchState::Sending | BatchState::Planned);
            assert!(known, "{} is {:?}, and has a result", batch.batch_no, batch.state);
        }
    }

    /// The batch that was claimed under this `batchNo`.
    pub(crate) fn batch(&self, batch_no: &str) -> Option<&Batch> {
        self.batches.get(self.names.get(batch_no)?)
    }

    pub(crate) fn key(&self, batch_no: &str) -> Option<i64> {
        self.names.get(batch_no).copied()
    }

    /// Whether a phone number has a result that a job takes in any case: it came after the job was made.
    pub(crate) fn has_news(&self, job: i64, number: &PhoneNumber) -> bool {
        let Some(of_job) = self.jobs.get(&job) else { return false };
        self.every[of_job.marker.min(self.every.len())..].iter().any(|result| {
            let is_kept = self.batch(&result.batch_no).is_some_and(|batch| {
                self.jobs.get(&batch.job).is_some_and(|of_job| of_job.state != JobState::Forgotten)
            });
            is_kept && number_of(result) == Some(*number)
        })
    }

    /// Whether a sending of a phone number is under way or in doubt.
    fn is_live(&self, key: i64, number: &PhoneNumber) -> bool {
        let batch = &self.batches[&key];
        is_sent(batch.state) && batch.numbers.contains(number) && !self.results.contains_key(&(key, *number))
    }

    fn is_doubtful(&self, key: i64, number: &PhoneNumber) -> bool {
        let batch = &self.batches[&key];
        let in_doubt = batch.state == BatchState::InDoubt || batch.missing;
        self.is_live(key, number) && (in_doubt || self.jobs[&batch.job].state == JobState::Forgotten)
    }

    fn accept_if_proved(&mut self, key: i64) {
        let batch = self.batches.get_mut(&key).expect("a batch that was claimed");
        if self.results.keys().any(|(of, _)| *of == key) {
            batch.state = BatchState::Accepted;
        }
    }

    pub(crate) fn fold_all(&mut self) {
        while !self.waiting.is_empty() {
            self.fold_one(&mut Folded::default());
        }
    }

    fn fold_one(&mut self, counted: &mut Folded) {
        let NewResult { batch_no, source, body, .. } = self.waiting.pop_front().expect("something waits");
        // Worlds make results that can be read, of phone numbers that were sent.
        let facts = reader::read(source, &body).unwrap();
        let number = facts.number.unwrap();
        let key = self.names[&batch_no];
        if self.jobs[&self.batches[&key].job].state == JobState::Forgotten {
            return;
        }
        let is_charge =
            facts.outcome == Outcome::Done || facts.cost.is_some_and(|(_, price)| price > Price::ZERO);
        let outcome = if facts.outcome.is_failed() { Outcome::Failed } else { facts.outcome };
        let charge = (key, number, batch_no.clone());
        let result = Result { batch: key, batch_no, number, source, body };
        match self.results.get(&(key, number)) {
            Some(first) if first.batch_no == result.batch_no && first.says(source, &result.body) => {
                counted.repeats += 1;
            }
            Some(first) => {
                let is_other = first.batch_no != result.batch_no;
                let is_same = |kept: &Result| {
                    (kept.batch, kept.number, &kept.batch_no) == (key, number, &result.batch_no)
                        && kept.source == source
                        && kept.says(source, &result.body)
                };
                if self.quarantined.iter().any(is_same) {
                    counted.repeats += 1;
                    return;
                }
                // However it came: a sending is charged once.
                if is_other && is_charge && !self.charges.contains_key(&charge) {
                    counted.charged_again += 1;
                    self.charges.insert(charge, (outcome, facts.cost));
                } else {
                    counted.conflicts += 1;
                }
                self.quarantined.push(result);
            }
            None => {
                let has_moved = self.moved.contains(&(key, number));
                *if has_moved && is_charge { &mut counted.charged_again } else { &mut counted.first } += 1;
                if is_charge || !has_moved {
                    self.charges.insert(charge, (outcome, facts.cost));
                }
                self.results.insert((key, number), result);
                let batch = self.batches.get_mut(&key).expect("a batch that was claimed");
                if batch.state != BatchState::Sending {
                    batch.state = BatchState::Accepted;
                }
            }
        }
    }
}

fn is_sent(state: BatchState) -> bool {
    matches!(state, BatchState::Sending | BatchState::InDoubt | BatchState::Accepted)
}

fn number_of(result: &NewResult) -> Option<PhoneNumber> {
    reader::read(result.source, &result.body)?.number
}
