//! `numcheck export JOB`: the results of a job, at any time.
//!
//! It reads, and sends nothing.

use std::time::Instant;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::durable::{JobRef, OutputArgs, StoreAt, Summary, export, job_of, read_back};
use crate::exit::{Exit, Failure};
use crate::fail_on::FailOn;
use crate::print;
use numcheck_job::Engine;

/// Write the results of a job, also half-way.
///
/// What is not settled yet stands there as pending, in_doubt or missing.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The job: its name, the beginning of it, `latest`, or the name of its file.
    #[arg(value_name = "JOB")]
    job: JobRef,
    #[command(flatten)]
    output: OutputArgs,
    /// JSON lines on standard output.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    fail_on: FailOn,
    #[command(flatten)]
    store: StoreAt,
}

impl Export {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        let job = job_of(&**engine.store(), &self.job).await?;
        let (input, _) = read_back(&**engine.store(), &job).await?;
        let destination = self.output.destination(self.json);
        let mut writer = destination.create(&input)?;
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        engine.store().follow(job.id).await.map_err(Failure::of)?;
        let totals = export(&**engine.store(), &job, &input, None, &mut writer).await?;
        for note in writer.finish()? {
            print::say(&note);
        }
        let ledger = engine.store().ledger(job.id).await.map_err(Failure::of)?;
        let summary = Summary {
            job: &job,
            totals: &totals,
            ledger: &ledger,
            unmatched: engine.inbox().unmatched(),
            turned_away: engine.inbox().turned_away(),
            took: started.elapsed(),
            output: destination.file(),
        };
        summary.say_notes(self.json, None);
        summary.show(self.json)?;
        Ok(self.fail_on.exit(&totals, if totals.all_settled() { Exit::Settled } else { Exit::Unsettled }))
    }
}
