//! `numcheck reconcile JOB`: asks the platform about results that did not come. It submits nothing: `resume` does.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::account::AccountId;
use crate::call::{self, Network};
use crate::commands::arguments::Minute;
use crate::commands::run::AssumptionArgs;
use crate::durable::{Account, JobRef, StoreAt, Target, Wait, check_account, check_queryable, job_of};
use crate::exit::{Exit, Failure};
use crate::print;
use crate::stop::Stop;
use numcheck_job::Engine;

/// Ask the platform about results that did not come. Costs nothing.
///
/// Asks once about everything that is due.
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// The job: its name, the beginning of it, `latest`, or the name of its file.
    #[arg(value_name = "JOB")]
    job: JobRef,
    #[command(flatten)]
    minute: Minute,
    #[command(flatten)]
    assumptions: AssumptionArgs,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    store: StoreAt,
}

impl Reconcile {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let minute = self.minute.for_platform(call::is_loopback()?)?;
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        let job = job_of(&**engine.store(), &self.job).await?;
        check_queryable(&job)?;
        check_account(&job, &AccountId::nxcloud()?.fingerprint)?;
        let stop = Stop::on_signal("numcheck: stopping: nothing more is asked");
        let account = Account::open(&Target::Account, &self.network, minute).await?;
        let service = Arc::new(account.service(None, engine.store())?);
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        let wait = Wait { quiet: Duration::ZERO, minute, assumed: self.assumptions.get() };
        let reconcile = engine.reconcile(service, wait.times(), wait.rules());
        let Some(round) = stop.race(reconcile.round(&job, stop.cancel())).await else {
            return Ok(Exit::Unsettled);
        };
        let round = round.map_err(Failure::of)?;
        print::data(&format!(
            "asked {}: {} fetched, {} proved unknown and planned again, {} given up",
            print::count(round.asked, "time"),
            print::count(round.fetched, "result"),
            print::count(round.planned_again, "batch"),
            round.missing
        ))?;
        if let Some(next_ms) = round.next_ms.filter(|_| round.asked == 0) {
            let in_time = Duration::from_millis(next_ms.saturating_sub(engine.now_ms()));
            print::say(&format!(
                "numcheck: it is too early to ask: nothing is due before {}, in {}",
                print::rfc3339(next_ms),
                print::roughly(in_time)
            ));
        }
        if let Some(trouble) = &round.trouble {
            return Err(Failure::new(format!("the platform could not be asked: {trouble}")));
        }
        let ledger = engine.store().ledger(job.id).await.map_err(Failure::of)?;
        Ok(if ledger.is_final() { Exit::Settled } else { Exit::Unsettled })
    }
}
