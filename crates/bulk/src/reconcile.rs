//! Reconciling: asks the platform about what was not settled by itself, in the job's own batches and in those that its rows wait for.
//!
//! Nothing else plans a batch again without a person, and it does so only where [`crate::proof`] says that the platform does not know it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use numcheck_protocol::UtcOffset;

use crate::cancel::Cancel;
use crate::clock::{WallClock, after_ms};
use crate::failpoint::die_at;
use crate::inbox::Inbox;
use crate::model::{BatchEnd, BatchState, Delivery, Job};
use crate::proof::{
    Absence, ControlCandidate, DateOffsets, Doubt, Judgement, ProofRules, SignedSpan, control_after_ms, days,
    is_control, is_remembered, judge,
};
use crate::service::{CheckService, Found};
use crate::store::{Control, OpenBatch, Store, StoreError, drifting};

/// How many controls are tried for one doubt in a round: each costs questions.
const MAX_CONTROLS: u32 = 3;
/// The pause between questions about a batch whose age nobody can tell.
const PAUSE_WITHOUT_AGE: Duration = Duration::from_secs(60);

/// Asks about open batches.
#[derive(Debug)]
pub struct Reconcile<S: ?Sized, P> {
    store: Arc<S>,
    platform: Arc<P>,
    inbox: Inbox<S>,
    clock: Arc<dyn WallClock>,
    times: Times,
    rules: ProofRules,
    owners: Arc<dyn Owners>,
    /// When each batch was asked about last, by this process.
    asked: Mutex<HashMap<i64, Asked>>,
}

/// Tells whether the owner of a claim still lives.
pub trait Owners: std::fmt::Debug + Send + Sync + 'static {
    /// `Some(false)`: it is surely dead. `None`: nobody here can tell, and its lease decides.
    fn is_alive(&self, owner: &str) -> Option<bool>;
}

/// Knows of no owner: leases decide.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeasesOnly;

impl Owners for LeasesOnly {
    fn is_alive(&self, _: &str) -> Option<bool> {
        None
    }
}

/// How long to leave a batch alone. None of these decides whether anything is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// Until a push that did not come is asked for. The platform pushes for 60 minutes.
    pub push: Duration,
    /// Until results are fetched first, where nothing is pushed.
    pub poll: Duration,
    /// Until a batch in doubt is asked about first.
    pub doubt: Duration,
    /// The lease of a claim: until its owner, of whom nobody here can tell whether it lives, is taken for dead.
    pub lease: Duration,
    /// Until an accepted batch's remaining phone numbers are missing, when the platform was asked and does not have them.
    pub missing: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            push: minutes(61),
            poll: Duration::from_secs(10),
            doubt: Duration::from_secs(10),
            lease: minutes(3),
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
    /// Batches that the platform was proved not to know; they are planned again.
    pub planned_again: u64,
    /// Batches whose rest was given up.
    pub missing: u64,
    /// Rows that took over a result of another job's batch.
    pub reused: u64,
    /// When the next question is due, or the next claim of somebody else may be over, Unix time in milliseconds; `None` when nothing is
    /// awaited.
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
    /// Ask. `last`: what is not there now will not come.
    Ask { last: bool },
    /// End its claim: its owner is dead, or silent for longer than the lease.
    GiveUp,
    /// Nothing more is to be found out by itself.
    Leave,
}

impl<S: Store + ?Sized, P: CheckService> Reconcile<S, P> {
    /// Asks `platform`, and hands what it gets to `inbox`.
    pub fn new(
        store: Arc<S>,
        platform: Arc<P>,
        inbox: Inbox<S>,
        clock: Arc<dyn WallClock>,
        times: Times,
        rules: ProofRules,
    ) -> Self {
        let owners = Arc::new(LeasesOnly);
        Self { store, platform, inbox, clock, times, rules, owners, asked: Mutex::default() }
    }

    /// Asks `owners` whether the owner of a claim lives.
    #[must_use]
    pub fn with_owners(self, owners: Arc<dyn Owners>) -> Self {
        Self { owners, ..self }
    }

    /// One round: asks what is due, and no more. Costs nothing and may be repeated. `cancel` is looked at before each question.
    ///
    /// # Errors
    /// When the store fails. A platform that does not answer is no error: [`Reconciled::trouble`] tells.
    pub async fn round(&self, job: &Job, cancel: &Cancel) -> Result<Reconciled, StoreError> {
        let mut done = Reconciled::default();
        if let Some(why) = self.platform.info().refuses(&job.spec.scope) {
            done.trouble = Some(why);
            return Ok(done);
        }
        let mut controls = HashMap::new();
        let is_queryable = self.platform.info().is_queryable;
        for batch in self.store.open_batches(job.id).await? {
            if cancel.is_cancelled() {
                break;
            }
            let asked = self.asked().get(&batch.batch).copied();
            let alive = match batch.state {
                BatchState::Sending => self.owners.is_alive(&batch.owner),
                _ => None,
            };
            // What another job has sent may be pushed to another receiver than this one's.
            let delivery = if batch.job == job.id { job.spec.delivery } else { Delivery::Both };
            match step(&batch, delivery, &self.times, &self.rules, asked, alive, self.clock.now_ms()) {
                Step::Leave => {}
                // A doubt stays until a person decides.
                Step::Ask { .. } | Step::Wait(_) if !(is_queryable || batch.state == BatchState::Sending) => {
                }
                Step::Wait(until) => done.next_ms = Some(done.next_ms.map_or(until, |next| next.min(until))),
                Step::GiveUp => {
                    self.store.give_up(batch.batch, batch.claim).await?;
                    die_at("reconcile.gave_up");
                    done.next_ms = Some(self.clock.now_ms());
                }
                Step::Ask { last } => {
                    self.ask(job, &batch, last, &mut controls, &mut done).await?;
                    done.next_ms = Some(self.clock.now_ms());
                }
            }
        }
        let followed = self.store.follow(job.id).await?;
        done.reused = followed.reused;
        done.planned_again += u64::from(followed.planned > 0);
        Ok(done)
    }

    async fn ask(
        &self,
        job: &Job,
        batch: &OpenBatch,
        last: bool,
        controls: &mut HashMap<i64, Option<Found>>,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        let in_doubt = batch.state == BatchState::InDoubt;
        // Settled ones are shown as well, and a batch may stand under two days.
        let enough = if in_doubt { u64::MAX } else { batch.numbers };
        let found = self.find(job, batch, enough, done).await?;
        if found.trouble.is_some() {
            done.trouble = found.trouble;
            return Ok(());
        }
        if found.known && in_doubt {
            // Whatever its rows say, the platform has the batch.
            let accepted = BatchEnd::Accepted { message_id: None };
            self.store.end(batch.batch, batch.claim, accepted, self.clock.now_ms()).await?;
        }
        if in_doubt && !found.known {
            self.prove(job, batch, controls, done).await?;
        } else if last && !in_doubt && self.had_its_time(batch, &found) {
            if found.without_result > 0 {
                // Nothing is still being checked by then.
                self.learn_that_failures_are_listed(&job.spec.scope.account).await?;
            }
            let missing = self.store.mark_missing(batch.batch, batch.claim).await?;
            done.missing += u64::from(missing > 0);
        }
        Ok(())
    }

    /// Whether the platform had its time for a batch, by its own clock: both timestamps are ones that it has accepted. A local clock that
    /// was set forward must not give up what is still to come.
    fn had_its_time(&self, batch: &OpenBatch, found: &Found) -> bool {
        let signed = batch.signed.unwrap_or(SignedSpan::at(batch.sent_ms));
        found.clean && found.asked_ms >= after_ms(signed.last_ms, self.times.missing)
    }

    /// Ends a doubt by a control, where there is one.
    async fn prove(
        &self,
        job: &Job,
        batch: &OpenBatch,
        controls: &mut HashMap<i64, Option<Found>>,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        let doubt = Doubt { signed: batch.signed, from_reply: batch.from_reply };
        let Some(signed) = batch.signed.filter(|_| !batch.from_reply) else { return Ok(()) };
        let after_ms = control_after_ms(signed, &self.rules);
        let account = &job.spec.scope.account;
        let failures_shown = self.lists_failures(account).await?;
        for control in self.store.controls(&job.spec.scope, after_ms, MAX_CONTROLS).await? {
            let shown = match controls.get(&control.batch) {
                Some(shown) => shown.clone(),
                None => {
                    let shown = self.show(&control, done).await;
                    controls.insert(control.batch, shown.clone());
                    shown
                }
            };
            let Some(shown) = shown.filter(|shown| shown.clean) else { continue };
            // A check that is taken for failed, and is shown with a result, was none.
            let shows_failure = control.failed > 0 && shown.without_result > 0;
            let candidate = ControlCandidate {
                signed: control.signed,
                accepted: true,
                taken: control.numbers,
                shown: shown.shown,
                failures_shown: failures_shown || shows_failure,
            };
            if !is_control(&doubt, &candidate, &self.rules) {
                continue;
            }
            if shows_failure && !failures_shown {
                // All of its phone numbers were shown.
                self.learn_that_failures_are_listed(account).await?;
            }
            // Only what is asked now counts: the control has been seen.
            let asked = days(signed, self.clock.now_ms().max(control.signed.last_ms).max(shown.asked_ms));
            die_at("reconcile.prove");
            let again = self.platform.query(&batch.batch_no, &asked, u64::MAX).await;
            done.asked += 1;
            if again.trouble.is_some() || again.known || !again.rows.is_empty() {
                // The next round asks again, and keeps what there is.
                done.trouble = again.trouble;
                return Ok(());
            }
            let clean = again.clean && again.form.is_some() && again.form == shown.form;
            let absence = Absence { after_control: true, days: &asked, asked_ms: again.asked_ms, clean };
            // What was pushed meanwhile counts before anything is concluded.
            self.inbox.fold_all().await?;
            match judge(&doubt, Some(&candidate), Some(&absence), &self.rules) {
                Judgement::Unknown => {
                    die_at("reconcile.plan_again");
                    done.planned_again += u64::from(self.store.plan_again(batch.batch, batch.claim).await?);
                    die_at("reconcile.planned_again");
                }
                Judgement::NeverSent | Judgement::Stays(_) => {}
            }
            return Ok(());
        }
        Ok(())
    }

    /// What the query shows of a control; `None` when that is no whole answer. Where it is not clean, nobody knows in which form an answer
    /// with rows comes, and nothing is proved by it.
    async fn show(&self, control: &Control, done: &mut Reconciled) -> Option<Found> {
        let asked = days(control.signed, self.clock.now_ms());
        let found = self.platform.query(&control.batch_no, &asked, control.numbers).await;
        done.asked += 1;
        if found.trouble.is_some() {
            done.trouble = found.trouble;
            return None;
        }
        Some(found)
    }

    /// Asks about a batch, and keeps what there is.
    async fn find(
        &self,
        job: &Job,
        batch: &OpenBatch,
        enough: u64,
        done: &mut Reconciled,
    ) -> Result<Found, StoreError> {
        // The time of the question, not of its answer.
        let at_ms = self.clock.now_ms();
        die_at("reconcile.ask");
        let signed = batch.signed.unwrap_or(SignedSpan::at(batch.sent_ms));
        let offsets = self.offsets(&job.spec.scope.account).await?;
        // What a doubt is about is looked for on every day; a result that is awaited where results were found before, then on the others.
        let likely = offsets.days(signed, at_ms);
        let all = days(signed, at_ms);
        let mut asked = if batch.state == BatchState::InDoubt { Vec::new() } else { likely };
        asked.extend(all.into_iter().filter(|day| !asked.contains(day)).collect::<Vec<_>>());
        let found = self.platform.query(&batch.batch_no, &asked, enough).await;
        done.asked += 1;
        self.asked().insert(batch.batch, Asked { at_ms, answered: found.trouble.is_none() });
        if !found.rows.is_empty() {
            done.fetched += found.rows.len() as u64;
            let bodies = found.rows.iter().map(|row| row.body.clone()).collect();
            self.inbox.store_fetched(batch.batch_no.as_str(), bodies).await?;
        }
        let narrowed = found.days.iter().fold(offsets, |offsets, day| offsets.after_row(*day, signed, at_ms));
        if narrowed != offsets {
            self.learn_offsets(&job.spec.scope.account, narrowed).await?;
        }
        drifting::note(&*self.store, batch.job, found.drift.clone()).await;
        // What was pushed meanwhile counts before anything is concluded.
        self.inbox.fold_all().await?;
        die_at("reconcile.asked");
        Ok(found)
    }

    /// What rows of earlier answers have shown about the zone of the platform's days.
    async fn offsets(&self, account: &str) -> Result<DateOffsets, StoreError> {
        let learnt = self.store.learnt(&offsets_of(account)).await?;
        Ok(learnt.and_then(|text| DateOffsets::read(&text)).unwrap_or_default())
    }

    async fn learn_offsets(&self, account: &str, offsets: DateOffsets) -> Result<(), StoreError> {
        self.store.learn(&offsets_of(account), &offsets.to_text()).await
    }

    /// Whether the query has ever shown a failed check.
    async fn lists_failures(&self, account: &str) -> Result<bool, StoreError> {
        Ok(self.store.learnt(&failures_of(account)).await?.is_some())
    }

    async fn learn_that_failures_are_listed(&self, account: &str) -> Result<(), StoreError> {
        self.store.learn(&failures_of(account), "listed").await
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<i64, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offsets_of(account: &str) -> String {
    format!("date offsets of {account}")
}

fn failures_of(account: &str) -> String {
    format!("failed checks of {account}")
}

fn step(
    batch: &OpenBatch,
    delivery: Delivery,
    times: &Times,
    rules: &ProofRules,
    asked: Option<Asked>,
    is_alive: Option<bool>,
    now_ms: u64,
) -> Step {
    let signed = batch.signed.unwrap_or(SignedSpan::at(batch.sent_ms));
    // Claimed by this clock, signed by the platform's perhaps: pauses go by the earlier, what is given up by the later.
    let since_ms = signed.last_ms.min(batch.sent_ms);
    let last_ms = after_ms(signed.last_ms.max(batch.sent_ms), times.missing);
    let asked = asked.filter(|asked| asked.at_ms <= now_ms);
    let first = match batch.state {
        _ if batch.missing => return Step::Leave,
        BatchState::Sending => {
            // Of a service that is asked about one number after the other, its owner was heard of when it marked the last one. A timestamp that
            // is ahead of this clock was signed by another one.
            let heard_ms = signed.last_ms.max(batch.sent_ms);
            let heard_ms = if heard_ms <= now_ms { heard_ms } else { batch.sent_ms };
            let until = after_ms(heard_ms, times.lease);
            return match is_alive {
                Some(false) => Step::GiveUp,
                // A clock that was set back must not keep a claim for ever.
                _ if now_ms > until
                    || now_ms.saturating_add(u64::try_from(times.lease.as_millis()).unwrap_or(0))
                        < batch.sent_ms =>
                {
                    Step::GiveUp
                }
                _ => Step::Wait(until.saturating_add(1)),
            };
        }
        // It is the person's decision now.
        BatchState::InDoubt if !is_remembered(signed, now_ms, rules) => return Step::Leave,
        // The clock was set back: nobody can tell how old it is, and asking does no harm.
        _ if now_ms < since_ms => {
            return match asked.map(|asked| after_ms(asked.at_ms, PAUSE_WITHOUT_AGE)) {
                Some(until) if now_ms < until => Step::Wait(until),
                _ => Step::Ask { last: false },
            };
        }
        BatchState::InDoubt => after_ms(since_ms, times.doubt),
        BatchState::Accepted if delivery == Delivery::Push => after_ms(since_ms, times.push),
        _ => after_ms(since_ms, times.poll),
    };
    // Asking again and again costs nothing but the platform's patience: ever more rarely, and once more when it counts.
    let again = asked.map_or(first, |asked| {
        let age = asked.at_ms.saturating_sub(since_ms);
        let pause = if asked.answered { age / 2 } else { (age / 2).min(60_000) };
        let next = asked.at_ms.saturating_add(pause.max(1000));
        let counts = Some(last_ms).filter(|ms| *ms > asked.at_ms && batch.state == BatchState::Accepted);
        counts.map_or(next, |counts| counts.min(next)).max(first)
    });
    if now_ms < again {
        return Step::Wait(again);
    }
    Step::Ask { last: now_ms >= last_ms }
}

impl DateOffsets {
    fn read(text: &str) -> Option<Self> {
        let (least, most) = text.split_once(' ')?;
        let minutes = |text: &str| UtcOffset::from_minutes(text.parse().ok()?).ok();
        Self::between(minutes(least)?, minutes(most)?)
    }

    fn to_text(self) -> String {
        let (least, most) = self.bounds();
        format!("{} {}", least.minutes(), most.minutes())
    }
}

#[cfg(test)]
mod tests;
