//! `numcheck resume JOB`: goes on with a job.
//!
//! It needs neither the file nor its path: the store has kept the input. It pays for nothing twice.

use std::time::Instant;

use clap::Args;
use numcheck_bulk::{BatchState, JobName, JobState};

use crate::call;
use crate::commands::run::Going;
use crate::durable::{Engine, StoreAt, Target, job_of, read_back};
use crate::exit::{Exit, Failure};
use crate::print;

/// Go on with a job that was interrupted.
///
/// Sends what was not sent, waits for what was, and writes the results.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The job.
    #[arg(value_name = "JOB")]
    job: JobName,
    /// Send batches in doubt once more, although they may have been accepted: their numbers may be paid for twice.
    #[arg(long)]
    resubmit_doubtful: bool,
    #[command(flatten)]
    going: Going,
    #[command(flatten)]
    store: StoreAt,
}

impl Resume {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        let engine = Engine::new(self.store.open().await?);
        let job = job_of(&*engine.store, &self.job).await?;
        match job.state {
            JobState::Open => {}
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
        let (input, notes) = read_back(&*engine.store, &job).await?;
        notes.check_account(&call::account()?)?;
        self.going.check(false, job.spec.delivery)?;
        if self.resubmit_doubtful {
            let open = engine.store.open_batches(job.id).await.map_err(Failure::of)?;
            for batch in open.iter().filter(|batch| batch.state == BatchState::InDoubt) {
                if engine.store.plan_again(batch.batch, &batch.batch_no).await.map_err(Failure::of)? {
                    print::say(&format!(
                        "numcheck: batch {} is sent once more, as you decided",
                        batch.batch_no
                    ));
                }
            }
        }
        let writer = self.going.destination().create(&input)?;
        self.going.drive(&engine, &job, &input, writer, Target::Account, started).await
    }
}
