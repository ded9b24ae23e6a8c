//! The book of a running job: what became of each batch and each number.
//!
//! It keeps states and positions, never results: those stand in the journal. It decides nothing about submitting.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use numcheck_protocol::number_check::ResultPush;
use numcheck_protocol::{Drift, DriftKind, Message, PhoneNumber, decode};
use tokio::sync::Notify;

use super::drive::Outcome;
use super::journal::{Journal, Position};
use super::numbers::Numbers;
use super::plan::Batch;

/// The state of a running job, shared by what submits and what receives.
#[derive(Debug)]
pub(crate) struct Book {
    journal: Journal,
    by_name: HashMap<String, u32>,
    state: Mutex<State>,
    /// Told whenever a result has come in.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    numbers: Numbers,
    batches: Vec<Entry>,
    batch_of: Vec<u32>,
    results: Vec<Position>,
    settled: usize,
    pending: usize,
    halted: Option<String>,
    seen: Seen,
}

#[derive(Debug)]
struct Entry {
    batch: Batch,
    state: BatchState,
    settled: usize,
}

impl Entry {
    /// How many of its numbers may still get a result.
    fn pending(&self) -> usize {
        match &self.state {
            BatchState::Ended(outcome) if outcome.results_may_come() => {
                self.batch.places.len() - self.settled
            }
            _ => 0,
        }
    }
}

#[derive(Clone, Debug)]
enum BatchState {
    Planned,
    Sending,
    Ended(Outcome),
}

/// What came in beside the first result of each number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The same result again.
    pub(crate) repeats: u64,
    /// A second result with other content; the first one counts, both are in the journal.
    pub(crate) conflicts: u64,
    /// Pushes that name no number of their batch, or cannot be read; kept in the journal.
    pub(crate) unmatched: u64,
    /// Values that no document lists, by place.
    pub(crate) drift: BTreeMap<(String, &'static str), u64>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Numbers that were to be sent.
    pub(crate) total: usize,
    /// Numbers with a result.
    pub(crate) settled: usize,
    /// Numbers that may still get a result: in accepted and in doubtful batches.
    pub(crate) pending: usize,
}

/// What became of a number.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Its result, as it was pushed.
    Result(Vec<u8>),
    /// Its batch was refused or never left: nothing was paid.
    Refused { code: Option<i64>, message: String },
    /// Nobody knows whether its batch was accepted.
    InDoubt { code: Option<i64>, message: String },
    /// Its batch was accepted, and no result came.
    Missing,
}

/// Why a push could not be stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the result could not be written to disk")]
    Journal(#[from] io::Error),
}

impl Book {
    pub(crate) fn new(numbers: Numbers, batches: Vec<Batch>, journal: Journal) -> Self {
        let mut batch_of = vec![u32::MAX; numbers.len()];
        let mut by_name = HashMap::with_capacity(batches.len());
        for (at, batch) in (0..).zip(&batches) {
            by_name.insert(batch.batch_no.as_str().to_owned(), at);
            for place in &batch.places {
                if let Some(own) = batch_of.get_mut(*place as usize) {
                    *own = at;
                }
            }
        }
        let results = vec![Position::NONE; numbers.len()];
        let batches = batches
            .into_iter()
            .map(|batch| Entry { batch, state: BatchState::Planned, settled: 0 })
            .collect();
        let state = State {
            numbers,
            batches,
            batch_of,
            results,
            settled: 0,
            pending: 0,
            halted: None,
            seen: Seen::default(),
        };
        Self { journal, by_name, state: Mutex::new(state), changed: Notify::new() }
    }

    /// How many batches there are.
    pub(crate) fn batches(&self) -> usize {
        self.lock().batches.len()
    }

    /// Takes batch `at` for sending: its name and its numbers.
    pub(crate) fn begin(&self, at: usize) -> Option<(numcheck_protocol::BatchNo, Vec<PhoneNumber>)> {
        let mut state = self.lock();
        let State { numbers, batches, .. } = &mut *state;
        let entry = batches.get_mut(at)?;
        entry.state = BatchState::Sending;
        let numbers = entry.batch.places.iter().filter_map(|place| numbers.get(*place)).collect();
        Some((entry.batch.batch_no.clone(), numbers))
    }

    /// Writes down how sending batch `at` ended.
    pub(crate) fn end(&self, at: usize, outcome: Outcome) {
        let mut state = self.lock();
        if let Some(entry) = state.batches.get_mut(at) {
            entry.state = BatchState::Ended(outcome);
            state.pending += state.batches.get(at).map_or(0, Entry::pending);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Writes down why the batches that are still planned will not be sent.
    pub(crate) fn halt(&self, why: String) {
        self.lock().halted.get_or_insert(why);
    }

    /// Stores one push durably, then enters it. Repeats change nothing.
    ///
    /// # Errors
    /// When it could not be stored: it must not be acknowledged.
    pub(crate) async fn receive(&self, batch_no: &str, body: &[u8]) -> Result<(), StoreError> {
        let push = decode::<ResultPush<'_>>(body).ok();
        let place = push.as_ref().and_then(|push| self.place_of(batch_no, push));
        if self.is_repeat(place, body)? {
            self.lock().seen.repeats += 1;
            return Ok(());
        }
        let position = self.journal.append(batch_no, body).await?;
        // The same push may have come twice at once: only the one that settles the number is the first.
        let settled = place.is_some_and(|place| self.lock().settle(place, position));
        let repeated = place.is_some() && !settled && self.is_repeat(place, body)?;
        let mut state = self.lock();
        match place {
            None => state.seen.unmatched += 1,
            Some(_) if settled => {}
            Some(_) if repeated => state.seen.repeats += 1,
            Some(_) => state.seen.conflicts += 1,
        }
        if let Some(push) = push.filter(|_| !repeated) {
            push.drift(&mut |drift| state.seen.count(drift));
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Whether a number has this very result already.
    fn is_repeat(&self, place: Option<u32>, body: &[u8]) -> io::Result<bool> {
        match place.and_then(|place| self.lock().result(place)) {
            Some(first) => Ok(self.journal.read(first)? == body),
            None => Ok(false),
        }
    }

    /// Which number of the batch a push is about: the one it names, or the only one there is.
    fn place_of(&self, batch_no: &str, push: &ResultPush<'_>) -> Option<u32> {
        let batch = *self.by_name.get(batch_no)?;
        let state = self.lock();
        let named = push.phone.text().and_then(|phone| PhoneNumber::new(phone.trim_start_matches('+')).ok());
        if let Some(place) = named.and_then(|number| state.numbers.place(&number)) {
            return (state.batch_of.get(place as usize) == Some(&batch)).then_some(place);
        }
        match state.batches.get(batch as usize)?.batch.places.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// What became of a number of this job; `None` for a number of no job.
    ///
    /// # Errors
    /// When its result cannot be read back.
    pub(crate) fn fate(&self, number: &PhoneNumber) -> io::Result<Option<Fate>> {
        let state = self.lock();
        let Some(place) = state.numbers.place(number) else { return Ok(None) };
        if let Some(position) = state.result(place) {
            drop(state);
            return self.journal.read(position).map(|body| Some(Fate::Result(body)));
        }
        let entry = state.batch_of.get(place as usize).and_then(|batch| state.batches.get(*batch as usize));
        Ok(entry.map(|entry| match &entry.state {
            BatchState::Planned => {
                let why = state.halted.as_deref().unwrap_or("the run was stopped before");
                Fate::Refused { code: None, message: format!("not sent: {why}") }
            }
            BatchState::Sending => {
                let message = "the run was stopped before the platform answered".to_owned();
                Fate::InDoubt { code: None, message }
            }
            BatchState::Ended(Outcome::Accepted) => Fate::Missing,
            BatchState::Ended(Outcome::Refused { code, message, .. }) => {
                Fate::Refused { code: *code, message: message.clone() }
            }
            BatchState::Ended(Outcome::NotSent { message }) => {
                Fate::Refused { code: None, message: format!("not sent: {message}") }
            }
            // A result for any number of a batch proves that the batch was accepted.
            BatchState::Ended(Outcome::InDoubt { .. }) if entry.settled > 0 => Fate::Missing,
            BatchState::Ended(Outcome::InDoubt { code, message }) => {
                Fate::InDoubt { code: *code, message: message.clone() }
            }
        }))
    }

    /// The place of a number, for who keeps notes of their own by place.
    pub(crate) fn place(&self, number: &PhoneNumber) -> Option<u32> {
        self.lock().numbers.place(number)
    }

    pub(crate) fn progress(&self) -> Progress {
        let state = self.lock();
        Progress { total: state.numbers.len(), settled: state.settled, pending: state.pending }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    /// Resolves at the next change after the call.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// A panic while the lock was held is a bug; what stands in the book is whole all the same, and paid for.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn result(&self, place: u32) -> Option<Position> {
        self.results.get(place as usize).copied().filter(|position| *position != Position::NONE)
    }

    /// Enters the first result of a number; says whether it was the first.
    fn settle(&mut self, place: u32, position: Position) -> bool {
        let Some(result) = self.results.get_mut(place as usize).filter(|result| **result == Position::NONE)
        else {
            return false;
        };
        *result = position;
        self.settled += 1;
        let batch = self.batch_of.get(place as usize).copied().unwrap_or(u32::MAX);
        if let Some(entry) = self.batches.get_mut(batch as usize) {
            let before = entry.pending();
            entry.settled += 1;
            self.pending = self.pending + entry.pending() - before;
        }
        true
    }
}

impl Seen {
    fn count(&mut self, drift: Drift) {
        // The platform may send any number of names; somebody only needs to see that there are many.
        const MOST_PLACES: usize = 1000;
        let kind = match drift.kind {
            DriftKind::NewField => "new field",
            DriftKind::NewValue => "new value",
            _ => "odd shape",
        };
        let key = (drift.place, kind);
        if let Some(count) = self.drift.get_mut(&key) {
            *count += 1;
        } else if self.drift.len() < MOST_PLACES {
            self.drift.insert(key, 1);
        } else {
            *self.drift.entry(("(further places)".to_owned(), kind)).or_default() += 1;
        }
    }
}
