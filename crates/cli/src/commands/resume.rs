//! `numcheck resume JOB`: goes on with a job.

use std::collections::BTreeMap;
use std::time::Instant;

use clap::Args;
use numcheck_bulk::JobState;

use crate::commands::run::{Due, RunArgs, resubmit};
use crate::consent::Cost;
use crate::durable::{JobRef, StoreAt, Target, check_account, job_of, read_back};
use crate::exit::{Exit, Failure};
use crate::level::Level;
use numcheck_job::Engine;

/// Go on with a job that was interrupted.
///
/// Sends what was not sent, waits for what was, and writes the results. It needs neither the file nor its path: the store has kept the input.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The job: its name, the beginning of it, `latest`, or the name of its file.
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Send again what is in doubt or missing, although it may have been accepted: it may be paid for twice.
    #[arg(long)]
    resubmit_doubtful: bool,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    store: StoreAt,
}

impl Resume {
    /// Whether every line of stderr is to be JSON.
    pub(crate) fn says_json(&self) -> bool {
        self.run.progress.is_json()
    }

    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        let engine = Engine::new(self.store.open_existing_to_pay().await?);
        let mut job = job_of(&**engine.store(), &self.job).await?;
        match job.state {
            JobState::Open => {}
            JobState::Replaced => {
                return Err(Failure::usage(format!(
                    "job {} was replaced by a later one about the same numbers: `numcheck jobs` lists it",
                    job.name
                )));
            }
            JobState::Forgotten => {
                return Err(Failure::usage(format!(
                    "job {} was forgotten; only its sums are left",
                    job.name
                )));
            }
            _ => {
                return Err(Failure::usage(format!(
                    "the plan of job {} was never finished and nothing of it was sent: `numcheck run` its file again",
                    job.name
                )));
            }
        }
        let (input, notes) = read_back(&**engine.store(), &job).await?;
        let level = Level::from_word(&notes.level);
        job.spec.delivery = self.run.delivery_at(level, job.spec.delivery);
        let account = level.account()?;
        check_account(&job, &account.fingerprint)?;
        self.run.check(false, level, job.spec.delivery)?;
        let minute = self.run.minute(account.is_loopback())?;
        self.run.check_client(level, minute)?;
        let writer = self.run.destination().create(&input)?;
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        let prices = self.run.prices(&**engine.store()).await?;
        let due = Due::for_job(&**engine.store(), &job, self.resubmit_doubtful, BTreeMap::new()).await?;
        let cost = Cost::Estimated(due.cost(&prices, job.spec.scope.level));
        self.run.ask(due.numbers(), level, cost, account.is_loopback()).await?;
        if self.resubmit_doubtful {
            resubmit(&engine, &job, u64::MAX).await?;
        }
        self.run.drive(&engine, &job, &input, writer, Target::Account, prices, minute, started).await
    }
}
