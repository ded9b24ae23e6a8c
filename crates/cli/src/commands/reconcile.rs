//! `numcheck reconcile JOB`: asks the platform about results that did not come.
//!
//! It costs nothing. It submits nothing, not even what the platform has proved not to know: `resume` does.

use std::sync::Arc;

use clap::Args;
use numcheck_bulk::JobName;

use crate::call::{self, Network};
use crate::commands::arguments::Minute;
use crate::durable::{Account, Engine, StoreAt, Target, job_of, notes_of};
use crate::exit::{Exit, Failure};
use crate::print;

/// Ask the platform about results that did not come. Costs nothing.
///
/// Asks once about everything that is due.
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// The job.
    #[arg(value_name = "JOB")]
    job: JobName,
    #[command(flatten)]
    minute: Minute,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    store: StoreAt,
}

impl Reconcile {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let minute = self.minute.for_platform(call::is_loopback()?)?;
        let engine = Engine::new(self.store.open().await?);
        let job = job_of(&*engine.store, &self.job).await?;
        notes_of(&job)?.check_account(&call::account()?)?;
        let account = Account::open(&Target::Account, &self.network, minute).await?;
        let platform = Arc::new(account.platform(None, &engine.store)?);
        engine.inbox.fold_all().await.map_err(Failure::of)?;
        let round = engine.reconcile(platform, minute).round(&job).await.map_err(Failure::of)?;
        print::data(&format!(
            "asked {} times: {} results fetched, {} batches proved unknown and planned again, {} given up",
            round.asked, round.fetched, round.planned_again, round.missing
        ))?;
        if let Some(trouble) = &round.trouble {
            return Err(Failure::new(format!("the platform could not be asked: {trouble}")));
        }
        let ledger = engine.store.ledger(job.id).await.map_err(Failure::of)?;
        Ok(if ledger.is_final() { Exit::Settled } else { Exit::Unsettled })
    }
}
