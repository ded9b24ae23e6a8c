//! `numcheck jobs`: the jobs of the store.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::{JobState, Scope};
use serde_json::json;

use crate::durable::{Notes, StoreAt};
use crate::exit::{Exit, Failure};
use crate::print;

/// List the jobs of the store, the newest first.
///
/// A job is `finished`: nothing of it is open; `open`: numbers are not sent yet, under way, in doubt or missing, and `resume` goes on with it; `closed`:
/// a later job about the same numbers replaced it, or a call of `privacy` ended before all were asked about; `planning`: its plan was never
/// finished, and nothing of it was sent; `forgotten`: only its sums are left.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Print one JSON object per job.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Jobs {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let Some(store) = self.store.open_existing().await? else { return Ok(Exit::Settled) };
        for job in store.jobs().await.map_err(Failure::of)? {
            let notes: Notes = serde_json::from_value(job.spec.notes.clone()).unwrap_or_default();
            let ledger = store.ledger(job.id).await.map_err(Failure::of)?;
            let open = ledger.planned
                + ledger.pending
                + ledger.in_doubt
                + ledger.missing
                + ledger.waiting
                + ledger.waiting_in_doubt;
            // Nothing goes on with what `privacy`, which makes a job of no set, has not asked about.
            let is_over =
                job.spec.scope.service == Scope::PRIVACY && job.spec.set.is_empty() && open == ledger.planned;
            let state = match job.state {
                JobState::Planning => "planning",
                JobState::Forgotten => "forgotten",
                JobState::Replaced => "closed",
                _ if ledger.is_final() && ledger.missing == 0 => "finished",
                _ if is_over => "closed",
                _ => "open",
            };
            let created = print::rfc3339(job.created_ms);
            if self.json {
                print::json(&json!({
                    "job": job.name, "state": state, "created": created, "file": notes.file, "level": notes.level,
                    "rows": job.rows, "numbers": job.numbers, "settled": ledger.settled, "failed": ledger.failed,
                    "reused": ledger.reused.total(), "open": open,
                }))?;
            } else {
                let done = ledger.settled + ledger.failed + ledger.reused.done + ledger.reused.failed;
                print::data(&format!(
                    "{}\t{created}\t{state}\t{}\t{done} of {} checked, {open} open\t{}",
                    job.name, notes.level, job.numbers, notes.file
                ))?;
            }
        }
        Ok(Exit::Settled)
    }
}
