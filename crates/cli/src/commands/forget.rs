//! `numcheck forget`: removes personal data. Output files and the platform keep what they have.

use std::time::Duration;

use clap::Args;
use numcheck_bulk::{Job, JobName, JobState};

use crate::durable::{Engine, StoreAt, job_of};
use crate::exit::{Exit, Failure};
use crate::print;

/// Remove the numbers and results of jobs; their sums stay.
///
/// Removes input, numbers and results from the store. What was paid for and is not exported is gone, and numbers that are forgotten are not
/// recognised any more: checking them again is paid for again. Checks that other jobs refer to stay for those.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The job.
    #[arg(value_name = "JOB", required_unless_present = "older_than")]
    job: Option<JobName>,
    /// Forget every finished job that is older than this.
    #[arg(long, value_name = "AGE", conflicts_with = "job")]
    older_than: Option<humantime::Duration>,
    /// Forget it although something is under way or in doubt: late results are dropped, and nobody knows any more that it may be paid for.
    #[arg(long)]
    even_unsettled: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Forget {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        engine.inbox.fold_all().await.map_err(Failure::of)?;
        let Some(older_than) = self.older_than else {
            let Some(name) = &self.job else { return Err(Failure::usage("name a job")) };
            let job = job_of(&*engine.store, name).await?;
            let unsettled = unsettled(&engine, &job).await?;
            if unsettled > 0 && !self.even_unsettled {
                return Err(Failure::usage(format!(
                    "{} of job {} {} under way or in doubt and may be paid for: --even-unsettled forgets all the same",
                    print::count(unsettled, "number"),
                    job.name,
                    print::form(unsettled, "is", "are")
                )));
            }
            forget(&engine, &job).await?;
            return Ok(Exit::Settled);
        };
        let age = u64::try_from(Duration::from(older_than).as_millis()).unwrap_or(u64::MAX);
        let before_ms = engine.now_ms().saturating_sub(age);
        let mut kept = 0_u64;
        for job in engine.store.jobs().await.map_err(Failure::of)? {
            if job.created_ms >= before_ms || job.state == JobState::Forgotten {
                continue;
            }
            if unsettled(&engine, &job).await? > 0 && !self.even_unsettled {
                print::say(&format!(
                    "numcheck: job {} is kept: something in it is under way or in doubt",
                    job.name
                ));
                kept += 1;
                continue;
            }
            forget(&engine, &job).await?;
        }
        Ok(if kept == 0 { Exit::Settled } else { Exit::Unsettled })
    }
}

/// How many of its own numbers may still be paid for, or are.
async fn unsettled(engine: &Engine, job: &Job) -> Result<u64, Failure> {
    let ledger = engine.store.ledger(job.id).await.map_err(Failure::of)?;
    Ok(ledger.pending + ledger.in_doubt + ledger.missing)
}

async fn forget(engine: &Engine, job: &Job) -> Result<(), Failure> {
    let forgotten = engine.store.forget(job.id).await.map_err(Failure::of)?;
    print::say(&format!(
        "numcheck: job {} is forgotten; its sums stay, and its numbers are not recognised any more: checking them again is paid for again",
        job.name
    ));
    for (name, count) in forgotten.kept_for {
        print::say(&format!(
            "numcheck: {count} of its checks stay, because job {name} refers to them: forget that one, too"
        ));
    }
    Ok(())
}
