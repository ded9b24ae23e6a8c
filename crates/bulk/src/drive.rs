//! Submitting: takes planned batches one by one, marks each durably, sends it, writes down how it ended.
//!
//! It never sends a batch twice. What was sent and not answered is in doubt, and [`crate::reconcile`] alone may plan it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use numcheck_protocol::BatchNo;
use numcheck_protocol::number_check::CheckLevel;

use crate::clock::{Clock, after_ms};
use crate::failpoint::die_at;
use crate::model::{BatchEnd, Job};
use crate::pace::Pace;
use crate::platform::{Platform, Row, SIGN_WITHIN, Submitted};
use crate::pricing::{Budget, Estimate, PriceTable};
use crate::store::{Claimed, NewResult, Source, Store, StoreError, drifting};

/// How many requests are under way at once, however fast they may follow each other.
const AT_ONCE: usize = 8;
/// After so many batches in a row that never left, the rest is not tried.
const GIVE_UP_AFTER: u64 = 3;

/// Submits the planned batches of a job.
#[derive(Debug)]
pub struct Drive<S: ?Sized, P> {
    store: Arc<S>,
    platform: Arc<P>,
    clock: Arc<dyn Clock>,
    /// Who claims the batches, for people who look into the store.
    owner: String,
    budget: Option<(Budget, PriceTable)>,
    pace: Option<Pace<S>>,
    sign_within: Duration,
}

/// What submitting did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Driven {
    /// Batches that were taken for sending.
    pub batches: u64,
    /// Why it stopped before the plan's end.
    pub halt: Option<Halt>,
}

/// Why submitting stopped before the plan's end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Halt {
    /// Somebody asked for it.
    Asked,
    /// The platform refuses every batch for the same reason.
    Refused(String),
    /// Nothing leaves this machine.
    NotSent(String),
    /// The next batch would cost more than the budget allows.
    Budget,
}

impl<S: Store + ?Sized, P: Platform> Drive<S, P> {
    /// Submits by `platform` for `owner`.
    pub fn new(store: Arc<S>, platform: Arc<P>, clock: Arc<dyn Clock>, owner: String) -> Self {
        Self { store, platform, clock, owner, budget: None, pace: None, sign_within: SIGN_WITHIN }
    }

    /// Stops before a batch that the budget does not allow. `prices` are what is known beforehand; what results show comes on top.
    #[must_use]
    pub fn within(mut self, budget: Budget, prices: PriceTable) -> Self {
        self.budget = Some((budget, prices));
        self
    }

    /// Keeps a pace together with all who share its bucket. Without it the platform's implementation must keep one itself.
    #[must_use]
    pub fn at(self, pace: Pace<S>) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// Another time within which a batch must be signed; [`Times::sign`](crate::Times::sign) must not be shorter.
    #[must_use]
    pub fn sign_within(self, sign_within: Duration) -> Self {
        Self { sign_within, ..self }
    }

    /// Submits every planned batch of the job once. `stop` is asked before each, and so is the budget.
    ///
    /// # Errors
    /// When the store fails. A batch that was being sent then stays marked as such: it is in doubt, and not sent again.
    pub async fn run(&self, job: &Job, stop: &(dyn Fn() -> bool + Sync)) -> Result<Driven, StoreError> {
        let round = Round {
            claiming: tokio::sync::Mutex::default(),
            halted: AtomicBool::new(false),
            unsent: AtomicU64::new(0),
            batches: AtomicU64::new(0),
        };
        let ends = join_all((0..AT_ONCE).map(|_| self.work(job, stop, &round))).await;
        let mut driven = Driven { batches: round.batches.into_inner(), halt: None };
        for end in ends {
            driven.halt = driven.halt.or(end?);
        }
        Ok(driven)
    }

    async fn work(
        &self,
        job: &Job,
        stop: &(dyn Fn() -> bool + Sync),
        round: &Round,
    ) -> Result<Option<Halt>, StoreError> {
        let level = CheckLevel::new(job.spec.level);
        let mut taken_for = None;
        loop {
            // One at a time asks the budget: each would count what the others have only claimed, and together they would send less than
            // is allowed.
            let turn = round.claiming.lock().await;
            if round.halted.load(Ordering::SeqCst) {
                return Ok(None);
            }
            if stop() {
                return Ok(Some(Halt::Asked));
            }
            if let Some(pace) = &self.pace {
                // Before the claim, or a process that died while it waited would leave behind what was never sent, in doubt. One of this
                // process waits at a time: so few turns are lost with it.
                let Some(size) = self.store.next_size(job.id).await? else { return Ok(None) };
                pace.turn(size).await?;
                taken_for = pace.interval_ms(size);
                if stop() {
                    return Ok(Some(Halt::Asked));
                }
                if round.halted.load(Ordering::SeqCst) {
                    return Ok(None);
                }
            }
            // The time before the claim: what the store has is never later than what the platform is told.
            let now_ms = self.clock.now_ms();
            die_at("submit.claim");
            let Some(claimed) = self.store.claim(job.id, &self.owner, now_ms).await? else {
                return Ok(None);
            };
            if !self.allows(job, &claimed).await? {
                let end = BatchEnd::NotSent;
                self.store.end(claimed.batch, &claimed.batch_no, end, self.clock.now_ms()).await?;
                round.halted.store(true, Ordering::SeqCst);
                return Ok(Some(Halt::Budget));
            }
            if let Some(pace) = &self.pace
                && pace.interval_ms(claimed.numbers.len() as u64) > taken_for
            {
                // Another process was faster to take the batch that the turn was meant for.
                pace.turn(claimed.numbers.len() as u64).await?;
                if stop() || round.halted.load(Ordering::SeqCst) {
                    let end = BatchEnd::NotSent;
                    self.store.end(claimed.batch, &claimed.batch_no, end, self.clock.now_ms()).await?;
                    return Ok(stop().then_some(Halt::Asked));
                }
            }
            drop(turn);
            round.batches.fetch_add(1, Ordering::SeqCst);
            let sign_until_ms = after_ms(now_ms, self.sign_within);
            die_at("submit.claimed");
            let mut submitted =
                self.platform.submit(&claimed.batch_no, level, claimed.numbers, sign_until_ms).await;
            die_at("submit.sent");
            let kept = self.keep_answer(job, &claimed.batch_no, &mut submitted).await;
            let (end, halt) = round.judge(submitted);
            if halt.is_some() {
                // Before the batch can be taken again.
                round.halted.store(true, Ordering::SeqCst);
            }
            // Whatever became of what it said beside: that it was accepted must not be lost, or it would be paid for again.
            self.store.end(claimed.batch, &claimed.batch_no, end, self.clock.now_ms()).await?;
            die_at("submit.ended");
            kept?;
            if halt.is_some() {
                return Ok(halt);
            }
        }
    }
}

impl<S: Store + ?Sized, P> Drive<S, P> {
    /// Keeps what an answer says beside its yes, before the yes is written down: whoever finds the batch accepted finds it whole.
    async fn keep_answer(
        &self,
        job: &Job,
        batch_no: &BatchNo,
        submitted: &mut Submitted,
    ) -> Result<(), StoreError> {
        if let Submitted::Accepted { not_taken, drift, .. } = submitted {
            drifting::note(&*self.store, job.id, std::mem::take(drift)).await;
            if !not_taken.is_empty() {
                let received_ms = self.clock.now_ms();
                let (batch_no, source) = (batch_no.as_str().to_owned(), Source::Answer);
                let kept = not_taken.drain(..).map(|Row(body)| NewResult {
                    batch_no: batch_no.clone(),
                    source,
                    body,
                    received_ms,
                });
                self.store.append(kept.collect()).await?;
            }
        }
        Ok(())
    }

    /// Asked after the claim: of several processes, each sees what the others have under way.
    async fn allows(&self, job: &Job, next: &Claimed) -> Result<bool, StoreError> {
        let Some((budget, known)) = &self.budget else { return Ok(true) };
        let mut prices = self.store.prices().await?;
        prices.prefer(known);
        let level = job.spec.level;
        let mut under_way = Estimate::default();
        for batch in self.store.open_batches(job.id).await?.iter().filter(|batch| batch.batch != next.batch) {
            under_way.add(&prices, level, &batch.group, batch.numbers.saturating_sub(batch.settled));
        }
        // After what is under way: a result that comes in between counts twice, and not at all the other way round.
        let Some(total) = self.store.ledger(job.id).await?.total() else { return Ok(false) };
        let spent = total.get(&budget.currency).copied();
        let mut own = Estimate::default();
        own.add(&prices, level, &next.group, next.numbers.len() as u64);
        Ok(budget.allows(spent.unwrap_or_default(), &under_way, &own))
    }
}

struct Round {
    claiming: tokio::sync::Mutex<()>,
    halted: AtomicBool,
    unsent: AtomicU64,
    batches: AtomicU64,
}

impl Round {
    fn judge(&self, submitted: Submitted) -> (BatchEnd, Option<Halt>) {
        let unsent = matches!(submitted, Submitted::NotSent { .. });
        let in_a_row = if unsent {
            self.unsent.fetch_add(1, Ordering::SeqCst) + 1
        } else {
            self.unsent.swap(0, Ordering::SeqCst)
        };
        match submitted {
            Submitted::Accepted { message_id, .. } => (BatchEnd::Accepted { message_id }, None),
            Submitted::Refused { code, message, for_all } => {
                if for_all {
                    let halt = Halt::Refused(message.clone());
                    return (BatchEnd::TurnedAway { code, message }, Some(halt));
                }
                (BatchEnd::Refused { code, message }, None)
            }
            Submitted::NotSent { message } => {
                (BatchEnd::NotSent, (in_a_row >= GIVE_UP_AFTER).then_some(Halt::NotSent(message)))
            }
            Submitted::InDoubt { code, message } => (BatchEnd::InDoubt { code, message }, None),
        }
    }
}
