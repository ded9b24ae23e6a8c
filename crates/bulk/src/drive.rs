//! Submitting: claims planned batches one by one, has each attempt confirmed, sends, writes down how it ended.
//!
//! What was sent and not answered is in doubt, and [`crate::reconcile`] alone may plan it again.

mod one_by_one;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use numcheck_protocol::{BatchNo, Currency, Drift, PhoneNumber};

use self::one_by_one::UnstoredReply;
use crate::cancel::Cancel;
use crate::clock::WallClock;
use crate::failpoint::die_at;
use crate::model::{BatchEnd, Job};
use crate::pace::SharedPace;
use crate::pricing::{Allowance, Amounts, Budget, Estimate, PriceTable};
use crate::service::{CheckService, ConfirmClaim, Row, Submission, Submitted};
use crate::store::{Claimed, NewResult, NextBatch, Skip, Store, StoreError, drifting};

/// How many requests are under way at once unless another number is given, however fast they may follow each other.
const AT_ONCE: usize = 8;
/// How long to wait before a reply that could not be stored is stored again, in milliseconds.
const KEEP_AGAIN_AFTER_MS: [u64; 5] = [100, 300, 1_000, 3_000, 10_000];
/// After so many requests in a row that were not carried out, the rest is not tried.
const GIVE_UP_AFTER: u64 = 3;

/// How often a group is probed whose price is unknown.
const MAX_PROBES: u64 = 3;

/// Submits the planned batches of a job.
#[derive(Debug)]
pub struct Drive<S: ?Sized, P> {
    store: Arc<S>,
    service: Arc<P>,
    clock: Arc<dyn WallClock>,
    /// Who claims the batches.
    owner: String,
    limits: Option<SpendingLimits>,
    /// The prices at which each group was reckoned first.
    first_prices: Mutex<HashMap<String, Amounts>>,
    pace: Option<SharedPace<S>>,
    at_once: usize,
    not_passed_on: Mutex<NotPassedOn>,
}

/// What a server on the way has not passed on: it is not sent again by this.
#[derive(Debug, Default)]
struct NotPassedOn {
    batches: Vec<i64>,
    /// Of what is sent one by one, and why.
    numbers: HashMap<PhoneNumber, String>,
}

/// What may be spent, and at which prices that is reckoned.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SpendingLimits {
    /// For the job and all its runs.
    pub job: Option<Budget>,
    /// For the account and a UTC day, whatever job spends it.
    pub day: Option<Budget>,
    /// Prices that are known beforehand; what results show comes on top.
    pub prices: PriceTable,
    /// Where a price is unknown, one phone number of the group is sent, and its price awaited: three times at most.
    pub probe: bool,
}

impl SpendingLimits {
    /// No limit.
    pub fn new() -> Self {
        Self::default()
    }

    fn is_none(&self) -> bool {
        self.job.is_none() && self.day.is_none()
    }
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
    /// The job is paid for by another service than the one that it was handed to; which ones. Nothing was sent.
    OtherService(String),
    /// The platform refuses every batch for the same reason.
    Refused(String),
    /// Several requests in a row were not carried out: they never left, or a server on the way did not pass them on; why the last one was not.
    NotSent(String),
    /// The next phone number would cost more than a cap allows.
    CapReached,
    /// The price of a group is unknown, so a cap cannot be kept.
    Unpriced {
        /// The group.
        group: String,
    },
    /// A result was dearer than every price known when submitting began.
    Dearer {
        /// The group.
        group: String,
    },
    /// A price is in a currency that has no cap.
    Uncapped {
        /// The currency.
        currency: Currency,
    },
}

impl<S: Store + ?Sized, P: CheckService> Drive<S, P> {
    /// Submits by `service` for `owner`.
    pub fn new(store: Arc<S>, service: Arc<P>, clock: Arc<dyn WallClock>, owner: String) -> Self {
        Self {
            store,
            service,
            clock,
            owner,
            limits: None,
            first_prices: Mutex::default(),
            pace: None,
            at_once: AT_ONCE,
            not_passed_on: Mutex::default(),
        }
    }

    fn not_passed_on(&self) -> MutexGuard<'_, NotPassedOn> {
        self.not_passed_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps within limits.
    #[must_use]
    pub fn with_limits(self, limits: SpendingLimits) -> Self {
        Self { limits: Some(limits).filter(|limits| !limits.is_none()), ..self }
    }

    /// Rate-limits submits across all processes that share the bucket. Without it the service must keep the limits itself.
    #[must_use]
    pub fn with_pace(self, pace: SharedPace<S>) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// How many requests are under way at once; 0 counts as 1. Of a service that answers one by one, as many phone numbers at most are in
    /// doubt after a crash.
    #[must_use]
    pub fn with_concurrency(self, at_once: usize) -> Self {
        Self { at_once: at_once.max(1), ..self }
    }

    /// Submits every planned batch of the job once. `cancel` is looked at before each, and so are the limits.
    ///
    /// # Errors
    /// When the store fails. A batch that was being sent then stays marked as such: it is in doubt, and not sent again.
    pub async fn run(&self, job: &Job, cancel: &Cancel) -> Result<Driven, StoreError> {
        if let Some(why) = self.service.info().refuses(&job.spec.scope) {
            return Ok(Driven { batches: 0, halt: Some(Halt::OtherService(why)) });
        }
        let round = Round::default();
        // What is sent one by one is claimed by one worker, which keeps as many requests under way.
        let workers = if self.is_one_by_one() { 1 } else { self.at_once };
        let ends = join_all((0..workers).map(|_| self.work(job, cancel, &round))).await;
        let mut driven = Driven { batches: round.batches.into_inner(), halt: None };
        for end in ends {
            driven.halt = driven.halt.or(end?);
        }
        if driven.halt.is_none() {
            driven.halt = round.passed_over.into_inner().halt;
        }
        Ok(driven)
    }

    async fn work(&self, job: &Job, cancel: &Cancel, round: &Round) -> Result<Option<Halt>, StoreError> {
        loop {
            // One at a time asks for the limits: each would count what the others have only claimed, and together they would send less
            // than is allowed.
            let mut passed_over = round.passed_over.lock().await;
            if round.halted.load(Ordering::SeqCst) {
                return Ok(None);
            }
            if cancel.is_cancelled() {
                return Ok(Some(Halt::Asked));
            }
            let skip = Skip {
                groups: passed_over.groups.iter().cloned().collect(),
                batches: self.not_passed_on().batches.clone(),
            };
            let Some(next) = self.store.next_batch(job.id, &skip).await? else { return Ok(None) };
            if next.numbers == 0 {
                continue;
            }
            let limit = match self.allowance(job, &next, None).await? {
                Allowed::Send(numbers) if numbers < next.numbers && next.indivisible => Err(Halt::CapReached),
                Allowed::Send(numbers) => Ok(numbers),
                Allowed::Wait => {
                    passed_over.groups.insert(next.group);
                    continue;
                }
                Allowed::Halt(halt) => Err(halt),
            };
            let limit = match limit {
                Ok(limit) => limit,
                // Other groups may be cheaper, or priced.
                Err(halt) => {
                    passed_over.groups.insert(next.group);
                    passed_over.halt.get_or_insert(halt);
                    continue;
                }
            };
            let limit = if self.is_one_by_one() { limit.min(self.claimed_together()) } else { limit };
            // Before the claim, or a process that died while it waited would leave behind what was never sent. One of this process waits at
            // a time: so few turns are lost with it.
            let turn = self.turn(if self.is_one_by_one() { 1 } else { limit });
            let Some(turn) = cancel.race(turn).await else { return Ok(Some(Halt::Asked)) };
            turn?;
            if round.halted.load(Ordering::SeqCst) {
                return Ok(None);
            }
            let now_ms = self.clock.now_ms();
            die_at("submit.claim");
            let Some(claimed) = self.store.claim(next.batch, &self.owner, limit, now_ms).await? else {
                continue;
            };
            // Another process may have claimed meanwhile: each sees what the others have under way.
            let numbers = claimed.numbers.len() as u64;
            if let Allowed::Halt(halt) = self.allowance(job, &next, Some((claimed.batch, numbers))).await? {
                let end = BatchEnd::NotSent;
                self.store.end(claimed.batch, claimed.claim, end, self.clock.now_ms()).await?;
                passed_over.groups.insert(next.group);
                passed_over.halt.get_or_insert(halt);
                continue;
            }
            drop(passed_over);
            round.batches.fetch_add(1, Ordering::SeqCst);
            die_at("submit.claimed");
            let halt = match self.is_one_by_one() {
                true => self.send_each(job, claimed, cancel, round).await?,
                false => self.send(job, claimed, cancel, round).await?,
            };
            if halt.is_some() {
                return Ok(halt);
            }
        }
    }

    async fn turn(&self, numbers: u64) -> Result<(), StoreError> {
        match &self.pace {
            Some(pace) => pace.turn(numbers).await,
            None => Ok(()),
        }
    }

    fn is_one_by_one(&self) -> bool {
        self.service.info().max_batch == 1
    }

    /// Sends a batch in one request.
    async fn send(
        &self,
        job: &Job,
        claimed: Claimed,
        cancel: &Cancel,
        round: &Round,
    ) -> Result<Option<Halt>, StoreError> {
        let claim = self.claim_of(&claimed, None, Arc::default(), cancel);
        let (batch, key) = (claimed.batch, claimed.claim);
        let unsent_before = round.unsent();
        let reply = self.submit(job, claimed.batch_no, claimed.numbers, claim).await;
        // Before the yes is written down: whoever finds the batch accepted finds it whole.
        let kept = keep(&*self.store, reply.rows).await;
        drifting::note(&*self.store, job.id, reply.drift).await;
        if matches!(reply.submitted, Submitted::NotPassedOn { .. }) {
            self.not_passed_on().batches.push(batch);
        }
        let (end, halt) = round.judge(reply.submitted, unsent_before, cancel);
        // Whatever became of what it said beside: that it was accepted must not be lost, or it would be paid for again.
        self.store.end(batch, key, end, self.clock.now_ms()).await?;
        die_at("submit.ended");
        kept?;
        Ok(halt)
    }

    fn claim_of(
        &self,
        claimed: &Claimed,
        number: Option<PhoneNumber>,
        before: Arc<UnstoredReply>,
        cancel: &Cancel,
    ) -> Arc<Claim<S>> {
        Arc::new(Claim {
            store: Arc::clone(&self.store),
            batch: claimed.batch,
            claim: claimed.claim,
            number,
            is_marked: AtomicBool::new(false),
            before,
            cancel: cancel.clone(),
            is_begun: AtomicBool::new(false),
        })
    }

    /// Makes the request.
    async fn submit(
        &self,
        job: &Job,
        batch_no: BatchNo,
        numbers: Vec<PhoneNumber>,
        claim: Arc<Claim<S>>,
    ) -> SubmitOutcome {
        let confirm: Arc<dyn ConfirmClaim> = Arc::<Claim<S>>::clone(&claim);
        let submission = Submission::new(batch_no.clone(), job.spec.scope.level, numbers, confirm);
        let mut submitted = tokio::select! {
            biased;
            submitted = self.service.submit(submission) => submitted,
            // It waits for its turn, and would not be confirmed.
            () = claim.is_over() => Submitted::NotSent { message: "somebody asked to stop".to_owned() },
        };
        die_at("submit.sent");
        let mut drift = self.service.take_drift();
        let rows = match &mut submitted {
            Submitted::Accepted { results, drift: of_reply, .. } => {
                drift.append(of_reply);
                std::mem::take(results)
            }
            Submitted::InDoubt { kept, .. } => std::mem::take(kept),
            Submitted::Refused { .. }
            | Submitted::NotPassedOn { .. }
            | Submitted::TooEarly { .. }
            | Submitted::NotSent { .. } => Vec::new(),
        };
        let received_ms = self.clock.now_ms();
        let kept = |Row { source, body }| {
            let batch_no = batch_no.as_str().to_owned();
            NewResult { batch_no, source, body, received_ms }
        };
        SubmitOutcome { submitted, rows: rows.into_iter().map(kept).collect(), drift }
    }
}

/// What came of a request.
struct SubmitOutcome {
    /// Without what is to be stored of it.
    submitted: Submitted,
    rows: Vec<NewResult>,
    drift: Vec<Drift>,
}

/// Stores what an answer says beside its yes. Nobody can ask for it again, so a store that fails is tried again for a while; what it has
/// twice counts once.
async fn keep<S: Store + ?Sized>(store: &S, rows: Vec<NewResult>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    for pause_ms in KEEP_AGAIN_AFTER_MS {
        match store.append(rows.clone()).await {
            Err(error) if !matches!(error, StoreError::Closed) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a reply that may be paid for could not be stored; it is tried again"
                );
            }
            kept => return kept,
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    store.append(rows).await.inspect_err(|_| {
        tracing::error!(
            "a reply that may be paid for could not be stored and is lost: its phone number stays in doubt; give the store room, then go on"
        );
    })
}

/// What may be sent of a batch now.
enum Allowed {
    Send(u64),
    /// Nothing, until the price of a probe is known.
    Wait,
    Halt(Halt),
}

/// A claim of a batch, as whoever signs its attempts sees it.
struct Claim<S: ?Sized> {
    store: Arc<S>,
    batch: i64,
    claim: i64,
    /// The phone number of the request, where each has its own.
    number: Option<PhoneNumber>,
    /// It is marked for this request already: an attempt before was given up before it was sent.
    is_marked: AtomicBool,
    before: Arc<UnstoredReply>,
    cancel: Cancel,
    /// Its first confirmation was asked for: from then on it may be sent.
    is_begun: AtomicBool,
}

impl<S: ?Sized> Claim<S> {
    /// Resolves once somebody asked to stop before anything of it was confirmed, and never otherwise.
    async fn is_over(&self) {
        self.cancel.cancelled().await;
        if self.is_begun.load(Ordering::SeqCst) {
            std::future::pending().await
        }
    }
}

impl<S: Store + ?Sized> ConfirmClaim for Claim<S> {
    fn confirm(&self, ts_ms: u64) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async move {
            if self.cancel.is_cancelled() {
                return false;
            }
            self.is_begun.store(true, Ordering::SeqCst);
            die_at("submit.confirm");
            let confirmed = match self.number.filter(|_| !self.is_marked.load(Ordering::SeqCst)) {
                Some(number) => {
                    let marked = self.mark(number, ts_ms).await;
                    self.is_marked.store(matches!(marked, Ok(true)), Ordering::SeqCst);
                    marked
                }
                None => self.store.confirm(self.batch, self.claim, ts_ms).await,
            };
            die_at("submit.confirmed");
            confirmed.unwrap_or_else(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a claim could not be confirmed; nothing is sent"
                );
                false
            })
        })
    }
}

impl<S: Store + ?Sized, P> Drive<S, P> {
    fn is_dearer(&self, group: &str, now: &Amounts) -> bool {
        let mut first = self.first_prices.lock().unwrap_or_else(PoisonError::into_inner);
        let first = first.entry(group.to_owned()).or_insert_with(|| now.clone());
        now.iter().any(|(currency, price)| first.get(currency).is_none_or(|first| first < price))
    }

    /// What the limits allow of a batch; `claimed` is the batch that this process has claimed already, and how much of it.
    async fn allowance(
        &self,
        job: &Job,
        next: &NextBatch,
        claimed: Option<(i64, u64)>,
    ) -> Result<Allowed, StoreError> {
        let wanted = claimed.map_or(next.numbers, |(_, numbers)| numbers);
        let Some(limits) = &self.limits else { return Ok(Allowed::Send(wanted)) };
        let mut prices = self.store.prices().await?;
        prices.merge(&limits.prices);
        let level = job.spec.scope.level;
        let own = prices.all(level, &next.group);
        if own.is_none() && limits.probe && claimed.is_some() {
            return Ok(Allowed::Send(wanted));
        }
        if own.as_ref().is_some_and(|own| self.is_dearer(&next.group, own)) {
            return Ok(Allowed::Halt(Halt::Dearer { group: next.group.clone() }));
        }
        let mut allowed = wanted;
        let mut probes = false;
        let budgets = [(limits.job.as_ref(), false), (limits.day.as_ref(), true)];
        for (budget, is_day) in budgets.into_iter().filter_map(|(budget, is_day)| Some((budget?, is_day))) {
            let (under_way, spent) = match is_day {
                false => self.job_spending(job, &prices, claimed).await?,
                true => self.day_spending(job, next, &prices, claimed).await?,
            };
            let Some(spent) = spent else { return Ok(Allowed::Halt(Halt::CapReached)) };
            match budget.allows(&spent, &under_way, own.as_ref(), allowed) {
                Allowance::Send(numbers) if claimed.is_some() && numbers < wanted => {
                    return Ok(Allowed::Halt(Halt::CapReached));
                }
                Allowance::Send(numbers) => allowed = numbers,
                Allowance::Reached => return Ok(Allowed::Halt(Halt::CapReached)),
                // An unknown cost is under way already: only one at a time.
                Allowance::Unpriced if limits.probe && under_way.unknown > 0 => return Ok(Allowed::Wait),
                Allowance::Unpriced if limits.probe => {
                    // A probe may cost as much as any that came before.
                    let dearest = Some(prices.dearest(level)).filter(|dearest| !dearest.is_empty());
                    match dearest.map(|dearest| budget.allows(&spent, &under_way, Some(&dearest), 1)) {
                        None | Some(Allowance::Send(_)) => probes = true,
                        Some(Allowance::Uncapped(currency)) => {
                            return Ok(Allowed::Halt(Halt::Uncapped { currency }));
                        }
                        Some(Allowance::Reached | Allowance::Unpriced) => {
                            return Ok(Allowed::Halt(Halt::CapReached));
                        }
                    }
                }
                Allowance::Unpriced => {
                    return Ok(Allowed::Halt(Halt::Unpriced { group: next.group.clone() }));
                }
                Allowance::Uncapped(currency) => return Ok(Allowed::Halt(Halt::Uncapped { currency })),
            }
        }
        if !probes {
            return Ok(Allowed::Send(allowed));
        }
        self.probe(job, next).await
    }

    /// One phone number of a group without a price.
    async fn probe(&self, job: &Job, next: &NextBatch) -> Result<Allowed, StoreError> {
        if next.indivisible && next.numbers > 1 {
            return Ok(Allowed::Halt(Halt::Unpriced { group: next.group.clone() }));
        }
        match self.store.sent_in_group(job.id, &next.group).await? {
            sent if sent < MAX_PROBES => Ok(Allowed::Send(1)),
            _ => Ok(Allowed::Halt(Halt::Unpriced { group: next.group.clone() })),
        }
    }

    async fn job_spending(
        &self,
        job: &Job,
        prices: &PriceTable,
        claimed: Option<(i64, u64)>,
    ) -> Result<(Estimate, Option<Amounts>), StoreError> {
        let mut under_way = Estimate::default();
        for batch in self.store.open_batches(job.id).await? {
            let is_own = batch.job == job.id && claimed.is_none_or(|(claimed, _)| claimed != batch.batch);
            if is_own {
                let count = batch.numbers.saturating_sub(batch.settled);
                under_way.add_at_most(prices, job.spec.scope.level, &batch.group, count);
            }
        }
        // After what is under way: a result that comes in between counts twice, and not at all the other way round.
        let ledger = self.store.ledger(job.id).await?;
        under_way.add_unpriced(prices, job.spec.scope.level, ledger.unpriced + ledger.may_be_charged);
        Ok((under_way, ledger.total()))
    }

    async fn day_spending(
        &self,
        job: &Job,
        next: &NextBatch,
        prices: &PriceTable,
        claimed: Option<(i64, u64)>,
    ) -> Result<(Estimate, Option<Amounts>), StoreError> {
        let spending = self.store.spending(&job.spec.scope.account, self.clock.now_ms()).await?;
        let mut under_way = Estimate::default();
        for ((level, group), mut count) in spending.under_way {
            if level == job.spec.scope.level && group == next.group {
                count = count.saturating_sub(claimed.map_or(0, |(_, numbers)| numbers));
            }
            under_way.add_at_most(prices, level, &group, count);
        }
        for (level, count) in spending.unpriced {
            under_way.add_unpriced(prices, level, count);
        }
        Ok((under_way, spending.charged))
    }
}

#[derive(Default)]
struct Round {
    /// Held by whoever chooses the next batch.
    passed_over: tokio::sync::Mutex<PassedOver>,
    halted: AtomicBool,
    unsent: AtomicU64,
    batches: AtomicU64,
}

/// Groups of which nothing may be sent in this round, and why.
#[derive(Default)]
struct PassedOver {
    groups: HashSet<String>,
    halt: Option<Halt>,
}

impl Round {
    /// How many in a row were not carried out.
    fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::SeqCst)
    }

    /// What an answer means for its batch and for the rest. `unsent_before` is [`Self::unsent`] at the time when it was sent.
    fn judge(&self, submitted: Submitted, unsent_before: u64, cancel: &Cancel) -> (BatchEnd, Option<Halt>) {
        let order = Ordering::SeqCst;
        let in_a_row = match submitted {
            Submitted::Accepted { .. } | Submitted::Refused { .. } | Submitted::InDoubt { .. } => {
                self.unsent.store(0, order);
                0
            }
            // What a stop has kept from being sent tells nothing of the next.
            _ if cancel.is_cancelled() => 0,
            Submitted::NotSent { .. } | Submitted::NotPassedOn { .. } => self.unsent.fetch_add(1, order) + 1,
            Submitted::TooEarly { .. } => {
                // Another one that was under way beside it may have been counted.
                let counted = self.unsent.compare_exchange(unsent_before, unsent_before + 1, order, order);
                counted.map_or_else(|now| now, |before| before + 1)
            }
        };
        let halt = match &submitted {
            Submitted::Refused { message, for_all: true, .. }
            | Submitted::InDoubt { message, for_all: true, .. } => Some(Halt::Refused(message.clone())),
            Submitted::NotPassedOn { message }
            | Submitted::TooEarly { message }
            | Submitted::NotSent { message } => {
                (in_a_row >= GIVE_UP_AFTER).then(|| Halt::NotSent(message.clone()))
            }
            _ => None,
        };
        if halt.is_some() {
            // Before the batch can be taken again.
            self.halted.store(true, Ordering::SeqCst);
        }
        (submitted.into_end(), halt)
    }
}
