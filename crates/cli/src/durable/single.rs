//! A job of a few phone numbers that one call makes: `submit`, `get` and `privacy` share the book with files.

use std::collections::HashSet;
use std::sync::Arc;

use numcheck_bulk::store::{NewBatch, RowFate, Skip};
use numcheck_bulk::{
    BatchEnd, Delivery, Grouping, Inbox, Job, JobSpec, Plan, Planner, Reuse, Scope, Store, SystemWallClock,
    WallClock,
};
use numcheck_job::{new_job_name, own_process};
use numcheck_protocol::{BatchNo, PhoneNumber};
use numcheck_transport::{Attempt, BoxError, BoxFuture, Confirm};

use super::prepare::Notes;
use crate::exit::Failure;
use crate::regions::{Group, group_of};

pub(crate) use numcheck_bulk::store::Claimed;

/// The job of a call.
pub(crate) struct Single {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) job: Job,
    pub(crate) inbox: Inbox<dyn Store>,
}

/// A plan of a few phone numbers, to look them up by.
pub(crate) fn plan_of(numbers: &[PhoneNumber]) -> Result<Plan, Failure> {
    let mut planner = Planner::<Group>::default();
    for (row, number) in (0..).zip(numbers) {
        planner.add(row, *number, group_of).map_err(Failure::of)?;
    }
    Ok(planner.finish(Grouping::Together, usize::from(u16::MAX)))
}

/// Each phone number once, in the order in which they stand first.
pub(crate) fn distinct(numbers: Vec<PhoneNumber>) -> Vec<PhoneNumber> {
    let mut seen = HashSet::new();
    numbers.into_iter().filter(|number| seen.insert(*number)).collect()
}

impl Single {
    /// Makes the job: one batch of all phone numbers, or one of each where a request holds only one.
    #[allow(clippy::too_many_arguments)] // what such a job consists of
    pub(crate) async fn plan(
        store: Arc<dyn Store>,
        scope: Scope,
        verb: &str,
        level: &str,
        numbers: &[PhoneNumber],
        batch_no: Option<&BatchNo>,
        one_each: bool,
        reuse: Reuse,
    ) -> Result<Self, Failure> {
        let clock: Arc<dyn WallClock> = Arc::new(SystemWallClock);
        let name = new_job_name().map_err(Failure::of)?;
        let notes = Notes { file: verb.to_owned(), level: level.to_owned(), ..Notes::default() };
        let notes = serde_json::to_value(notes)
            .map_err(|error| Failure::new("the job cannot be described").because(error))?;
        // Of no set: it is never gone on with.
        let spec = JobSpec::new(scope, "", Delivery::Both, notes).with_reuse(reuse);
        let job = store.create_job(&name, &spec, clock.now_ms()).await.map_err(Failure::of)?;
        let mut input = b"phone\n".to_vec();
        for number in numbers {
            input.extend_from_slice(number.digits().as_bytes());
            input.push(b'\n');
        }
        store.add_input(job.id, 0, input).await.map_err(Failure::of)?;
        let rows: Vec<(PhoneNumber, u64)> = numbers.iter().copied().zip(0..).collect();
        let size = if one_each { 1 } else { rows.len().max(1) };
        let mut batches = Vec::new();
        for (at, numbers) in rows.chunks(size).enumerate() {
            let own = || BatchNo::new(&format!("nc-{name}-{}", at + 1)).map_err(Failure::of);
            let batch_no = batch_no.map_or_else(own, |batch_no| Ok(batch_no.clone()))?;
            batches.push(NewBatch { batch_no, group: "*".to_owned(), numbers: numbers.to_vec() });
        }
        store.add_batches(job.id, batches).await.map_err(|error| {
            Failure::usage(
                "the batch number stands in the store already, or the plan cannot be kept; nothing was sent",
            )
            .because(error)
        })?;
        let job = store.finish_plan(job.id, rows.len() as u64).await.map_err(Failure::of)?;
        let inbox = Inbox::new(Arc::clone(&store), clock);
        Ok(Self { store, job, inbox })
    }

    /// Looks everything up, and plans again what a person has decided to. Returns every row's fate.
    pub(crate) async fn look_up(&self, resubmit_before_ms: Option<u64>) -> Result<Vec<RowFate>, Failure> {
        self.inbox.fold_all().await.map_err(Failure::of)?;
        self.store
            .resubmit_doubtful(self.job.id, resubmit_before_ms.unwrap_or(0))
            .await
            .map_err(Failure::of)?;
        let (mut fates, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.rows(self.job.id, after, 2000).await.map_err(Failure::of)?;
            let Some(last) = page.last() else { return Ok(fates) };
            after = Some(last.row);
            fates.extend(page);
        }
    }

    /// Claims the next batch with something to send.
    pub(crate) async fn claim(&self) -> Result<Option<Claimed>, Failure> {
        while let Some(next) =
            self.store.next_batch(self.job.id, &Skip::default()).await.map_err(Failure::of)?
        {
            if next.numbers == 0 {
                continue;
            }
            let claimed =
                self.store.claim(next.batch, &own_process(), u64::MAX, SystemWallClock.now_ms()).await;
            if let Some(claimed) = claimed.map_err(Failure::of)? {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    /// What confirms a claim before each attempt.
    pub(crate) fn confirm(&self, claimed: &Claimed) -> Arc<dyn Confirm> {
        Arc::new(ConfirmSingle { store: Arc::clone(&self.store), batch: claimed.batch, claim: claimed.claim })
    }

    /// Writes down how it ended.
    pub(crate) async fn end(&self, claimed: &Claimed, end: BatchEnd) -> Result<(), Failure> {
        self.store.end(claimed.batch, claimed.claim, end, SystemWallClock.now_ms()).await.map_err(Failure::of)
    }
}

struct ConfirmSingle {
    store: Arc<dyn Store>,
    batch: i64,
    claim: i64,
}

impl Confirm for ConfirmSingle {
    fn confirm<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<(), BoxError>> {
        let ts_ms = attempt.now_ms;
        Box::pin(async move {
            match self.store.confirm(self.batch, self.claim, ts_ms).await? {
                true => Ok(()),
                false => Err("another process has taken it over".into()),
            }
        })
    }
}
