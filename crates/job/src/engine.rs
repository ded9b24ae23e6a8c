//! Drives a job to its end: submits, receives, asks, and knows when to stop.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use numcheck_bulk::store::RowFate;
use numcheck_bulk::{
    BatchState, Cancel, CheckService, Drive, Folding, Halt, Inbox, Job, Ledger, ProofRules, Reconcile,
    SharedPace, SpendingLimits, Store, StoreError, SystemWallClock, Times, WallClock,
};

use crate::owner::{Processes, Run};

/// How long a request that is on its way is waited for once somebody asked to stop, where the platform can be asked about it afterwards.
const ON_ITS_WAY: Duration = Duration::from_millis(1500);
/// How many rows are read at a time.
const PAGE: u32 = 2000;

/// How a job is driven.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// What may be spent.
    pub limits: SpendingLimits,
    /// The rate limit of submits, or of queries one by one, which all who share the bucket keep together. Without it the client of the
    /// service must keep the platform's limits.
    pub pace: Option<SharedPace<dyn Store>>,
    /// How many requests are under way at once. Of a service that answers one by one, as many phone numbers at most are in doubt after a crash.
    pub concurrency: usize,
    /// How long to wait for results after the last one. Of a service that answers at once, what somebody else is sending is waited for, until
    /// that is over.
    pub quiet: Duration,
    /// How long to leave a batch alone before it is asked about.
    pub times: Times,
    /// When a platform's "I do not know it" is believed.
    pub rules: ProofRules,
}

impl Default for RunOptions {
    /// No limit, eight requests at once, and 80 minutes of waiting, which is longer than NXCLOUD goes on trying to push.
    fn default() -> Self {
        Self {
            limits: SpendingLimits::new(),
            pace: None,
            concurrency: 8,
            quiet: Duration::from_secs(80 * 60),
            times: Times::default(),
            rules: ProofRules::new(),
        }
    }
}

/// How driving a job ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Why not everything was submitted.
    pub halt: Option<Halt>,
    /// Why the platform could not be asked, the last time it was needed.
    pub trouble: Option<String>,
    /// The job's account: how many phone numbers ended how, and what they cost.
    pub ledger: Ledger,
}

/// A store at work. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    store: Arc<dyn Store>,
    inbox: Inbox<dyn Store>,
    clock: Arc<dyn WallClock>,
}

impl Engine {
    /// Works on `store`, which has to be opened with a [`reader`](crate::reader()) of all services whose results it holds.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let clock: Arc<dyn WallClock> = Arc::new(SystemWallClock);
        Self { inbox: Inbox::new(Arc::clone(&store), Arc::clone(&clock)), store, clock }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What takes results in.
    pub fn inbox(&self) -> &Inbox<dyn Store> {
        &self.inbox
    }

    /// The time by this engine's clock, Unix time in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Submits what is planned, and waits until everything is settled, nothing has come for a while, or somebody asked to stop.
    ///
    /// Costs money: every planned phone number that the book does not know is sent, within the limits. Once more sends only what is still
    /// planned. Dropping it half-way is like a crash: what was on its way is in doubt.
    ///
    /// # Errors
    /// When the store fails. What was sent is in its book.
    pub async fn run_to_end<P: CheckService>(
        &self,
        job: &Job,
        service: &Arc<P>,
        options: RunOptions,
        cancel: &Cancel,
    ) -> Result<Summary, StoreError> {
        let run = Run::begin();
        let owner = run.owner();
        let RunOptions { limits, pace, concurrency, quiet, times, rules } = options;
        let quiet = Some(quiet).filter(|_| service.info().comes_later);
        let drive =
            Drive::new(Arc::clone(&self.store), Arc::clone(service), Arc::clone(&self.clock), owner.clone());
        let drive = drive.with_limits(limits).with_concurrency(concurrency);
        let drive = match pace {
            Some(pace) => drive.with_pace(pace),
            None => drive,
        };
        let reconcile = self.reconcile(Arc::clone(service), times, rules);
        let mut summary = Summary::default();
        let mut tried = None;
        let work = async {
            if !service.info().comes_later {
                // What a process that died was sending is not waited for below.
                reconcile.round(job, cancel).await?;
            }
            loop {
                let driven = drive.run(job, cancel);
                // A request that is on its way may still have its answer; one that has none is in doubt.
                let driven = match service.info().is_queryable {
                    true => cancel.race_with_grace(ON_ITS_WAY, driven).await,
                    // Nobody could be asked for what it is paid for: it has the time that its client gives it.
                    false => Some(driven.await),
                };
                let Some(driven) = driven else { return self.give_up_of(job, &owner).await };
                summary.halt = driven?.halt;
                if self.settle(job, &reconcile, quiet, cancel, &mut summary, &mut tried).await? {
                    return Ok::<(), StoreError>(());
                }
            }
        };
        tokio::select! {
            done = work => done?,
            () = self.inbox.keep_folding(Folding::default()) => {}
        }
        self.inbox.fold_all().await?;
        self.store.follow(job.id).await?;
        summary.ledger = self.store.ledger(job.id).await?;
        Ok(summary)
    }

    /// The rows of a job in the input's order, each with what became of its phone number. At any time, half-way too.
    pub fn rows(&self, job: &Job) -> impl Stream<Item = Result<RowFate, StoreError>> + Send + use<> {
        let (store, job) = (Arc::clone(&self.store), job.id);
        let pages = futures_util::stream::try_unfold(None, move |after| {
            let store = Arc::clone(&store);
            async move {
                let page = store.rows(job, after, PAGE).await?;
                let last = page.last().map(|fate| fate.row);
                let rows = futures_util::stream::iter(page.into_iter().map(Ok::<_, StoreError>));
                Ok::<_, StoreError>(last.map(|last| (rows, Some(last))))
            }
        });
        futures_util::TryStreamExt::try_flatten(pages)
    }

    /// The job's account each time that something has changed, until the stream is dropped.
    pub fn progress(&self, job: &Job) -> impl Stream<Item = Result<Ledger, StoreError>> + Send + use<> {
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        let (store, job) = (Arc::clone(&self.store), job.id);
        futures_util::stream::try_unfold(None, move |known: Option<Ledger>| {
            let store = Arc::clone(&store);
            async move {
                loop {
                    let ledger = store.ledger(job).await?;
                    if known.as_ref() != Some(&ledger) {
                        return Ok(Some((ledger.clone(), Some(ledger))));
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        })
    }

    /// Ends the claims of a run whose requests were dropped.
    async fn give_up_of(&self, job: &Job, owner: &str) -> Result<(), StoreError> {
        for batch in self.store.open_batches(job.id).await? {
            if batch.state == BatchState::Sending && batch.owner == owner {
                self.store.give_up(batch.batch, batch.claim).await?;
            }
        }
        Ok(())
    }

    /// What asks the platform about open batches, without submitting anything.
    pub fn reconcile<P: CheckService>(
        &self,
        service: Arc<P>,
        times: Times,
        rules: ProofRules,
    ) -> Reconcile<dyn Store, P> {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        let reconcile = Reconcile::new(store, service, self.inbox.clone(), clock, times, rules);
        reconcile.with_owners(Arc::new(Processes))
    }

    /// Waits for results and asks for those that do not come. `false` when there is something to submit. `tried` is the account at which
    /// submitting was begun anew last: without news it is not begun once more. Without `quiet`, of a service that answers at once, what
    /// somebody else is sending is waited for, and nothing else.
    async fn settle<P: CheckService>(
        &self,
        job: &Job,
        reconcile: &Reconcile<dyn Store, P>,
        quiet: Option<Duration>,
        cancel: &Cancel,
        ending: &mut Summary,
        tried: &mut Option<Ledger>,
    ) -> Result<bool, StoreError> {
        let mut last_news = tokio::time::Instant::now();
        let mut known = None;
        let mut is_awaited = true;
        loop {
            let entered = self.inbox.entered();
            let ledger = self.store.ledger(job.id).await?;
            let is_news = known.as_ref().is_some_and(|known| *known != ledger);
            if is_news || known.is_none() {
                last_news = tokio::time::Instant::now();
            }
            if is_news && ledger.planned > 0 && ending.halt.is_none() {
                // A price that was awaited may be known by now.
                return Ok(false);
            }
            let is_settled = ledger.pending == 0
                && ledger.in_doubt == 0
                && ledger.waiting == 0
                && ledger.waiting_in_doubt == 0;
            let over = quiet.map_or(!is_awaited, |quiet| last_news.elapsed() >= quiet);
            let may_submit = ledger.planned > 0 && ending.halt.is_none() && !cancel.is_cancelled();
            if is_settled && may_submit && tried.as_ref() != Some(&ledger) {
                // The price that was awaited came before anybody looked.
                *tried = Some(ledger);
                return Ok(false);
            }
            known = Some(ledger);
            if is_settled || over || cancel.is_cancelled() {
                return Ok(true);
            }
            // Dropped wherever it is: what it asks costs nothing, and what it writes is written as a whole.
            let Some(round) = cancel.race(reconcile.round(job, cancel)).await else { return Ok(true) };
            let round = round?;
            if let Some(trouble) = round.trouble {
                if ending.trouble.is_none() {
                    tracing::warn!(trouble, "the platform could not be asked for missing results");
                }
                ending.trouble = Some(trouble);
            }
            is_awaited = round.next_ms.is_some();
            if round.planned_again > 0 && ending.halt.is_none() {
                return Ok(false);
            }
            if quiet.is_none() && !is_awaited {
                continue;
            }
            let due = round.next_ms.map_or(Duration::from_secs(1), |next| {
                Duration::from_millis(next.saturating_sub(self.clock.now_ms()))
            });
            tokio::select! {
                () = entered => {}
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(due.clamp(Duration::from_millis(10), Duration::from_secs(1))) => {}
            }
        }
    }
}
