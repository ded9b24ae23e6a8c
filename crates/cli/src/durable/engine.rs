//! Drives a job to its end: submits, receives, asks, and knows when to stop.

use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{
    BatchState, Drive, Folding, Halt, Inbox, Job, Ledger, ProofRules, Reconcile, SpendingLimits, Store,
    StoreError, SystemWallClock, Times, WallClock,
};

use super::owner;
use super::platform::Nxcloud;
use super::report::with_progress;
use crate::exit::Failure;
use crate::print;
use crate::stop::Stop;

/// How long a request that is on its way is waited for once somebody asked to stop.
const ON_ITS_WAY: Duration = Duration::from_millis(1500);

/// What is assumed of the platform where a doubt is to be ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumed {
    /// By how much batches may differ in the time until a query shows them.
    pub(crate) visibility_spread: Duration,
    /// That a query lists failed checks, although it has shown none.
    pub(crate) failures_listed: bool,
}

/// When to stop waiting for results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// After the last result.
    pub(crate) quiet: Duration,
    /// How long the platform's minute is, which stretches or shortens all its times.
    pub(crate) minute: Duration,
    pub(crate) assumed: Assumed,
}

/// How driving a job ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// Why not everything was submitted.
    pub(crate) halt: Option<Halt>,
    /// Why the platform could not be asked, the last time it was needed.
    pub(crate) trouble: Option<String>,
}

/// A store at work.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) inbox: Inbox<dyn Store>,
    clock: Arc<dyn WallClock>,
}

impl Engine {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let clock: Arc<dyn WallClock> = Arc::new(SystemWallClock);
        Self { inbox: Inbox::new(Arc::clone(&store), Arc::clone(&clock)), store, clock }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Submits what is planned, and waits until everything is settled, nothing has come for a while, or somebody asked to stop.
    pub(crate) async fn drive(
        &self,
        job: &Job,
        platform: Nxcloud,
        limits: SpendingLimits,
        wait: Wait,
        stop: &Stop,
    ) -> Result<Ending, Failure> {
        let platform = Arc::new(platform);
        let drive =
            Drive::new(Arc::clone(&self.store), Arc::clone(&platform), Arc::clone(&self.clock), owner::own());
        let drive = match platform.submitting() {
            Some(pace) => drive.with_pace(pace),
            None => drive,
        };
        let drive = drive.with_limits(limits);
        let reconcile = self.reconcile(platform, wait);
        let mut ending = Ending { halt: None, trouble: None };
        let asked = || stop.asked();
        let mut tried = None;
        let work = async {
            loop {
                let driven = drive.run(job, &asked);
                // A request that is on its way may still have its answer; one that has none is in doubt.
                let Some(driven) = stop.race_with_grace(ON_ITS_WAY, driven).await else {
                    return self.give_up_own(job).await;
                };
                ending.halt = driven?.halt;
                if self.settle(job, &reconcile, wait, stop, &mut ending, &mut tried).await? {
                    return Ok::<(), StoreError>(());
                }
            }
        };
        let work = with_progress(&*self.store, job, work);
        tokio::select! {
            done = work => done.map_err(Failure::of)?,
            () = self.inbox.keep_folding(Folding::default()) => {}
        }
        self.inbox.fold_all().await.map_err(Failure::of)?;
        self.store.follow(job.id).await.map_err(Failure::of)?;
        Ok(ending)
    }

    /// Ends the claims of this process, whose requests were dropped.
    async fn give_up_own(&self, job: &Job) -> Result<(), StoreError> {
        let own = owner::own();
        for batch in self.store.open_batches(job.id).await? {
            if batch.state == BatchState::Sending && batch.owner == own {
                self.store.give_up(batch.batch, batch.claim).await?;
            }
        }
        Ok(())
    }

    /// What asks the platform about open batches.
    pub(crate) fn reconcile(&self, platform: Arc<Nxcloud>, wait: Wait) -> Reconcile<dyn Store, Nxcloud> {
        let store = Arc::clone(&self.store);
        let rules = ProofRules::new()
            .with_visibility_spread(wait.assumed.visibility_spread)
            .with_failures_listed(wait.assumed.failures_listed);
        let clock = Arc::clone(&self.clock);
        let reconcile = Reconcile::new(store, platform, self.inbox.clone(), clock, times(wait.minute), rules);
        reconcile.with_owners(Arc::new(owner::Processes))
    }

    /// Waits for results and asks for those that do not come. `false` when there is something to submit. `tried` is the account at which
    /// submitting was begun anew last: without news it is not begun once more.
    async fn settle(
        &self,
        job: &Job,
        reconcile: &Reconcile<dyn Store, Nxcloud>,
        wait: Wait,
        stop: &Stop,
        ending: &mut Ending,
        tried: &mut Option<Ledger>,
    ) -> Result<bool, StoreError> {
        let mut last_news = tokio::time::Instant::now();
        let mut known = None;
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
            let over = last_news.elapsed() >= wait.quiet;
            let may_submit = ledger.planned > 0 && ending.halt.is_none() && !stop.asked();
            if is_settled && may_submit && tried.as_ref() != Some(&ledger) {
                // The price that was awaited came before anybody looked.
                *tried = Some(ledger);
                return Ok(false);
            }
            known = Some(ledger);
            if is_settled || over || stop.asked() {
                return Ok(true);
            }
            // Dropped wherever it is: what it asks costs nothing, and what it writes is written as a whole.
            let stopped = || stop.asked();
            let Some(round) = stop.race(reconcile.round(job, &stopped)).await else { return Ok(true) };
            let round = round?;
            if let Some(trouble) = round.trouble {
                if ending.trouble.is_none() {
                    print::say(&format!(
                        "numcheck: note: the platform could not be asked for missing results: {trouble}"
                    ));
                }
                ending.trouble = Some(trouble);
            }
            if round.planned_again > 0 && ending.halt.is_none() {
                return Ok(false);
            }
            let due = round.next_ms.map_or(Duration::from_secs(1), |next| {
                Duration::from_millis(next.saturating_sub(self.clock.now_ms()))
            });
            tokio::select! {
                () = entered => {}
                () = stop.wait() => {}
                () = tokio::time::sleep(due.clamp(Duration::from_millis(10), Duration::from_secs(1))) => {}
            }
        }
    }
}

/// The platform's times, in minutes of this length.
fn times(minute: Duration) -> Times {
    let of = Times::default();
    let scale = |time: Duration| time.mul_f64(minute.as_secs_f64() / 60.0);
    let mut times = of;
    for time in [&mut times.push, &mut times.poll, &mut times.doubt, &mut times.missing] {
        *time = scale(*time);
    }
    times
}
