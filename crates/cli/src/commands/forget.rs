//! `numcheck forget JOB`: removes personal data.
//!
//! The sums stay. It asks nobody else to forget: output files and the platform keep what they have.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::JobName;

use crate::durable::{Engine, StoreAt, job_of};
use crate::exit::{Exit, Failure};
use crate::print;

/// Remove the numbers and results of a job; its sums stay.
///
/// Removes the input, the numbers and the results of a job from the store. What was paid for and is not exported is gone.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The job.
    #[arg(value_name = "JOB")]
    job: JobName,
    /// Forget it although results may still come; they will be dropped.
    #[arg(long, env = "NUMCHECK_FORCE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    force: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Forget {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let engine = Engine::new(self.store.open().await?);
        let job = job_of(&*engine.store, &self.job).await?;
        engine.inbox.fold_all().await.map_err(Failure::of)?;
        let ledger = engine.store.ledger(job.id).await.map_err(Failure::of)?;
        let open = ledger.pending + ledger.in_doubt;
        if open > 0 && !self.force {
            return Err(Failure::usage(format!(
                "{open} paid results of job {} may still come: --force drops them",
                job.name
            )));
        }
        engine.store.forget(job.id).await.map_err(Failure::of)?;
        print::say(&format!("numcheck: job {} is forgotten; its sums stay", job.name));
        Ok(Exit::Settled)
    }
}
