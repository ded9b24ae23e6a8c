//! Reconciling: asks the platform about what was not settled by itself.
//!
//! It is the one place that may plan a batch again, and only on proof that the platform does not know it. One empty answer is proof only
//! when the request can no longer be accepted: its signature has expired, and the platform has had the time in which results appear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, after_ms};
use crate::failpoint::die_at;
use crate::inbox::Inbox;
use crate::model::{BatchEnd, BatchState, Delivery, Job};
use crate::platform::{Platform, SIGN_WITHIN};
use crate::store::{OpenBatch, Store, StoreError, drifting};

/// Asks about open batches.
#[derive(Debug)]
pub struct Reconcile<S: ?Sized, P> {
    store: Arc<S>,
    platform: Arc<P>,
    inbox: Inbox<S>,
    clock: Arc<dyn Clock>,
    times: Times,
    /// When each batch was asked about last, by this process.
    asked: Mutex<HashMap<i64, Asked>>,
}

/// How long to leave a batch alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// Until a push that did not come is asked for. The platform pushes for 60 minutes.
    pub push: Duration,
    /// Until results are fetched first, where nothing is pushed.
    pub poll: Duration,
    /// How long after it was taken for sending a batch may be signed: as long as [`Drive::sign_within`](crate::Drive::sign_within), or
    /// longer.
    pub sign: Duration,
    /// From the last moment in which it can have been signed until a batch in doubt can no longer be accepted: a signature lives 60 s,
    /// either way.
    pub doubt: Duration,
    /// From the same moment until an empty answer about a batch in doubt is proof. The document has results within 5 minutes; the rest is
    /// for clocks that differ.
    pub proof: Duration,
    /// Until a sender that has not written an end is taken for dead: longer than it may wait for its turn and for an answer.
    pub sending: Duration,
    /// Until an accepted batch's remaining numbers are missing, when the platform was asked and does not have them.
    pub missing: Duration,
    /// How long the platform remembers: an empty answer about anything older proves nothing. The document says 14 days.
    pub memory: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            push: minutes(61),
            poll: Duration::from_secs(10),
            sign: SIGN_WITHIN,
            doubt: Duration::from_secs(61),
            proof: minutes(10),
            sending: SIGN_WITHIN + Duration::from_secs(61),
            missing: minutes(75),
            memory: minutes(13 * 24 * 60),
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

/// The last question about a batch.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at_ms: u64,
    answered: bool,
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
        die_at("reconcile.gave_up");
        for batch in self.store.open_batches(job.id).await? {
            let asked = self.asked().get(&batch.batch).copied();
            match step(&batch, job.spec.delivery, &self.times, asked, self.clock.now_ms()) {
                Step::Leave => {}
                Step::Wait(until) => done.next_ms = Some(done.next_ms.map_or(until, |next| next.min(until))),
                Step::Ask { proof, last } => {
                    self.ask(job.id, &batch, proof, last, &mut done).await?;
                    done.next_ms = Some(self.clock.now_ms());
                }
            }
        }
        Ok(done)
    }

    async fn ask(
        &self,
        job: i64,
        batch: &OpenBatch,
        proof: bool,
        last: bool,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        // The time of the question, not of its answer.
        let at_ms = self.clock.now_ms();
        die_at("reconcile.ask");
        let found = self.platform.query(&batch.batch_no, batch.sent_ms, at_ms).await;
        done.asked += 1;
        self.asked().insert(batch.batch, Asked { at_ms, answered: found.trouble.is_none() });
        if !found.rows.is_empty() {
            done.fetched += found.rows.len() as u64;
            let bodies = found.rows.into_iter().map(|row| row.0).collect();
            self.inbox.store_fetched(batch.batch_no.as_str(), bodies).await?;
        }
        drifting::note(&*self.store, job, found.drift).await;
        // What was pushed meanwhile counts before anything is concluded.
        self.inbox.fold_all().await?;
        die_at("reconcile.asked");
        if found.trouble.is_some() {
            done.trouble = found.trouble;
            return Ok(());
        }
        if found.known && batch.state == BatchState::InDoubt {
            // Whatever its rows say, the platform has the batch.
            let accepted = BatchEnd::Accepted { message_id: None };
            self.store.end(batch.batch, &batch.batch_no, accepted, self.clock.now_ms()).await?;
        }
        if proof && !found.known {
            die_at("reconcile.plan_again");
            done.planned_again += u64::from(self.store.plan_again(batch.batch, &batch.batch_no).await?);
            die_at("reconcile.planned_again");
        } else if last {
            let missing = self.store.mark_missing(batch.batch, &batch.batch_no).await?;
            done.missing += u64::from(missing > 0);
        }
        Ok(())
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<i64, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn step(batch: &OpenBatch, delivery: Delivery, times: &Times, asked: Option<Asked>, now_ms: u64) -> Step {
    // Whoever wrote its end had signed it before; else it was signed in time, or never.
    let signed_ms = batch.ended_ms.unwrap_or_else(|| after_ms(batch.sent_ms, times.sign));
    let in_doubt = batch.state == BatchState::InDoubt;
    let remembered = now_ms < after_ms(batch.sent_ms, times.memory);
    let first = match batch.state {
        _ if batch.missing => return Step::Leave,
        // It is the person's decision now.
        BatchState::InDoubt if !remembered => return Step::Leave,
        BatchState::InDoubt => after_ms(signed_ms, times.doubt),
        BatchState::Accepted if delivery == Delivery::Push => after_ms(signed_ms, times.push),
        BatchState::Accepted => after_ms(batch.sent_ms, times.poll),
        // One millisecond later it is given up.
        _ => return Step::Wait(after_ms(batch.sent_ms, times.sending).saturating_add(1)),
    };
    let proof_ms = after_ms(signed_ms, times.proof.max(times.doubt));
    let last_ms = after_ms(signed_ms, times.missing);
    // Asking again and again costs nothing but the platform's patience: ever more rarely, and once more when it counts.
    let again = asked.map_or(first, |asked| {
        let age = asked.at_ms.saturating_sub(batch.sent_ms);
        let pause = if asked.answered { age / 2 } else { (age / 2).min(60_000) };
        let next = asked.at_ms.saturating_add(pause.max(1000));
        let counts = [Some(last_ms), in_doubt.then_some(proof_ms)];
        counts.into_iter().flatten().filter(|ms| *ms > asked.at_ms).fold(next, u64::min).max(first)
    });
    if now_ms < again {
        return Step::Wait(again);
    }
    Step::Ask { proof: in_doubt && now_ms >= proof_ms, last: now_ms >= last_ms }
}

#[cfg(test)]
mod tests;
