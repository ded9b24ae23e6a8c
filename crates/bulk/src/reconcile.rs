//! Reconciling: asks the platform about what was not settled by itself.
//!
//! It is the one place that may plan a batch again, and only on proof that the platform does not know it. One empty answer is proof only
//! when the request can no longer be accepted: its signature has expired, and the platform has had the time in which results appear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::model::{BatchState, Delivery, Job};
use crate::platform::Platform;
use crate::store::{OpenBatch, Store, StoreError};

/// Asks about open batches.
#[derive(Debug)]
pub struct Reconcile<S: ?Sized, P> {
    store: Arc<S>,
    platform: Arc<P>,
    inbox: Inbox<S>,
    clock: Arc<dyn Clock>,
    times: Times,
    /// When each batch was asked about last, by this process.
    asked: Mutex<HashMap<i64, u64>>,
}

/// How long to leave a batch alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// Until a push that did not come is asked for. The platform pushes for 60 minutes.
    pub push: Duration,
    /// Until results are fetched first, where nothing is pushed.
    pub poll: Duration,
    /// Until a batch in doubt can no longer be accepted: a signature lives 60 s, either way.
    pub doubt: Duration,
    /// Until an empty answer about a batch in doubt is proof. The document has results within 5 minutes.
    pub proof: Duration,
    /// Until a sender that has not written an end is taken for dead.
    pub sending: Duration,
    /// Until an accepted batch's remaining numbers are missing, when the platform was asked and does not have them.
    pub missing: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            push: minutes(61),
            poll: Duration::from_secs(10),
            doubt: Duration::from_secs(61),
            proof: minutes(10),
            sending: Duration::from_secs(121),
            missing: minutes(75),
        }
    }
}

/// What a round of reconciling did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// Questions asked.
    pub asked: u64,
    /// Results fetched.
    pub fetched: u64,
    /// Batches that the platform has proved not to know; they are planned again.
    pub planned_again: u64,
    /// Batches whose rest was given up.
    pub missing: u64,
    /// When the next question is due, Unix time in milliseconds; `None` when nothing is open.
    pub next_ms: Option<u64>,
    /// Why a question got no answer, the last time it happened.
    pub trouble: Option<String>,
}

/// What to do about an open batch. Pure, so that every case can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Not before this time.
    Wait(u64),
    /// Ask. `proof`: an empty answer proves that the batch is not known. `last`: what is not there now will not come.
    Ask { proof: bool, last: bool },
    /// Nothing more is to be found out by itself.
    Leave,
}

impl<S: Store + ?Sized, P: Platform> Reconcile<S, P> {
    /// Asks `platform`, and hands what it gets to `inbox`.
    pub fn new(
        store: Arc<S>,
        platform: Arc<P>,
        inbox: Inbox<S>,
        clock: Arc<dyn Clock>,
        times: Times,
    ) -> Self {
        Self { store, platform, inbox, clock, times, asked: Mutex::default() }
    }

    /// One round: asks what is due, and no more. Costs nothing and may be repeated.
    ///
    /// # Errors
    /// When the store fails. A platform that does not answer is no error: [`Reconciled::trouble`] tells.
    pub async fn round(&self, job: &Job) -> Result<Reconciled, StoreError> {
        let mut done = Reconciled::default();
        let sending = u64::try_from(self.times.sending.as_millis()).unwrap_or(u64::MAX);
        self.store.give_up_sending(job.id, self.clock.now_ms().saturating_sub(sending)).await?;
        for batch in self.store.open_batches(job.id).await? {
            let asked_ms = self.asked().get(&batch.batch).copied();
            match step(&batch, job.spec.delivery, &self.times, asked_ms, self.clock.now_ms()) {
                Step::Leave => {}
                Step::Wait(until) => done.next_ms = Some(done.next_ms.map_or(until, |next| next.min(until))),
                Step::Ask { proof, last } => {
                    self.ask(&batch, proof, last, &mut done).await?;
                    done.next_ms = Some(self.clock.now_ms());
                }
            }
        }
        Ok(done)
    }

    async fn ask(
        &self,
        batch: &OpenBatch,
        proof: bool,
        last: bool,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        // The time of the question, not of its answer: what was pushed in between belongs to the next one.
        let asked_ms = self.clock.now_ms();
        let found = self.platform.query(&batch.batch_no, batch.sent_ms, asked_ms).await;
        done.asked += 1;
        self.asked().insert(batch.batch, asked_ms);
        if !found.rows.is_empty() {
            done.fetched += found.rows.len() as u64;
            let bodies = found.rows.into_iter().map(|row| row.0).collect();
            self.inbox.store_fetched(batch.batch_no.as_str(), bodies).await?;
        }
        if found.trouble.is_some() {
            done.trouble = found.trouble;
            return Ok(());
        }
        // What was pushed meanwhile counts before anything is concluded.
        self.inbox.fold_all().await?;
        if proof && !found.known {
            self.store.plan_again(batch.batch, asked_ms).await?;
            done.planned_again += 1;
        } else if last {
            self.store.mark_missing(batch.batch).await?;
            done.missing += 1;
        }
        Ok(())
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<i64, u64>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn step(batch: &OpenBatch, delivery: Delivery, times: &Times, asked_ms: Option<u64>, now_ms: u64) -> Step {
    let after =
        |ms: u64, time: Duration| ms.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let first = match batch.state {
        _ if batch.missing => return Step::Leave,
        BatchState::InDoubt => after(batch.sent_ms, times.doubt),
        BatchState::Accepted if delivery == Delivery::Push => after(batch.sent_ms, times.push),
        BatchState::Accepted => after(batch.sent_ms, times.poll),
        _ => return Step::Wait(after(batch.sent_ms, times.sending)),
    };
    let proof_ms = after(batch.sent_ms, times.proof.max(times.doubt));
    let last_ms = after(batch.sent_ms, times.missing);
    // Asking again and again costs nothing but the platform's patience: ever more rarely, and once more when it counts.
    let age = now_ms.saturating_sub(batch.sent_ms);
    let again = asked_ms.map_or(first, |asked| {
        let next = asked.saturating_add((age / 2).max(1000));
        [proof_ms, last_ms].into_iter().filter(|ms| *ms > asked).fold(next, u64::min).max(first)
    });
    if now_ms < again {
        return Step::Wait(again);
    }
    Step::Ask { proof: batch.state == BatchState::InDoubt && now_ms >= proof_ms, last: now_ms >= last_ms }
}
