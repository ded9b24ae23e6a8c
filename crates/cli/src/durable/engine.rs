//! Drives a job to its end: submits, receives, asks, and knows when to stop.
//!
//! It must not decide what may be sent; the bulk crate does.

use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{
    Budget, Clock, Drive, Folding, Halt, Inbox, Job, PriceTable, Reconcile, Store, SystemClock, Times,
};

use super::platform::Nxcloud;
use super::report::with_progress;
use crate::exit::Failure;
use crate::print;
use crate::stop::Stop;

/// When to stop waiting for results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// After the last result.
    pub(crate) quiet: Duration,
    /// How long the platform's minute is, which stretches or shortens all its times.
    pub(crate) minute: Duration,
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
    clock: Arc<dyn Clock>,
}

impl Engine {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
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
        budget: Option<(Budget, PriceTable)>,
        wait: Wait,
        stop: &Stop,
    ) -> Result<Ending, Failure> {
        let platform = Arc::new(platform);
        let owner = format!("process {}", std::process::id());
        let drive =
            Drive::new(Arc::clone(&self.store), Arc::clone(&platform), Arc::clone(&self.clock), owner);
        let drive = drive.sign_within(times(wait.minute).sign);
        let drive = match platform.submitting() {
            Some(pace) => drive.at(pace),
            None => drive,
        };
        let drive = match budget {
            Some((budget, prices)) => drive.within(budget, prices),
            None => drive,
        };
        let reconcile = self.reconcile(platform, wait.minute);
        let mut ending = Ending { halt: None, trouble: None };
        let work = async {
            loop {
                let driven = drive.run(job, &|| stop.asked()).await?;
                ending.halt = driven.halt;
                if self.settle(job, &reconcile, wait, stop, &mut ending).await? {
                    return Ok::<(), numcheck_bulk::StoreError>(());
                }
            }
        };
        let work = with_progress(&*self.store, job, work);
        tokio::select! {
            done = work => done.map_err(Failure::of)?,
            () = self.inbox.keep_folding(Folding::default()) => {}
        }
        self.inbox.fold_all().await.map_err(Failure::of)?;
        Ok(ending)
    }

    /// What asks the platform about open batches.
    pub(crate) fn reconcile(
        &self,
        platform: Arc<Nxcloud>,
        minute: Duration,
    ) -> Reconcile<dyn Store, Nxcloud> {
        let store = Arc::clone(&self.store);
        Reconcile::new(store, platform, self.inbox.clone(), Arc::clone(&self.clock), times(minute))
    }

    /// Waits for results and asks for those that do not come. `false` when there is something to submit again.
    async fn settle(
        &self,
        job: &Job,
        reconcile: &Reconcile<dyn Store, Nxcloud>,
        wait: Wait,
        stop: &Stop,
        ending: &mut Ending,
    ) -> Result<bool, numcheck_bulk::StoreError> {
        let mut last_news = tokio::time::Instant::now();
        let mut known = None;
        loop {
            let entered = self.inbox.entered();
            let ledger = self.store.ledger(job.id).await?;
            if known.as_ref() != Some(&ledger) {
                last_news = tokio::time::Instant::now();
            }
            let settled = ledger.pending == 0 && ledger.in_doubt == 0;
            let over = last_news.elapsed() >= wait.quiet;
            known = Some(ledger);
            if settled || over || stop.asked() {
                return Ok(true);
            }
            let round = reconcile.round(job).await?;
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
    for time in [
        &mut times.push,
        &mut times.poll,
        &mut times.sign,
        &mut times.doubt,
        &mut times.proof,
        &mut times.sending,
        &mut times.missing,
        &mut times.memory,
    ] {
        *time = scale(*time);
    }
    times
}
