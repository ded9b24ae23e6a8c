//! `numcheck status JOB`: the account of a job.

mod bars;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::store::TurnedAway;
use numcheck_bulk::{BatchState, Outcome, Scope};
use serde_json::{Value, json};

use bars::Canvas;

use crate::commands::metrics::{self, JobFigures};
use crate::commands::standing::NextStep;
use crate::commands::{jobs, typed};
use crate::durable::{JobRef, StoreAt, drift_json, drift_line, job_of, sent_again, turned_away_line};
use crate::exit::{Exit, Failure};
use crate::print;
use numcheck_job::Engine;

/// Show the account of a job, and what to type next. Without JOB, list the jobs.
///
/// submitted = settled + failed + in doubt + missing + pending, at all times. On a terminal, outcomes and cost are bars, of all phone numbers and of all
/// that was paid in a currency; without colours where NO_COLOR is set.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The job: its name, the beginning of it, `latest`, or the name of its file.
    #[arg(value_name = "JOB", required_if_eq("metrics", "true"))]
    job: Option<JobRef>,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    /// Print the figures as Prometheus reads them.
    #[arg(
        long,
        env = "NUMCHECK_METRICS",
        hide_env_values = true,
        conflicts_with = "json",
        value_parser = BoolishValueParser::new()
    )]
    metrics: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Status {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let Some(job) = &self.job else { return jobs::list(&self.store, self.json).await };
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        let store = engine.store();
        let job = job_of(&**store, job).await?;
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        store.follow(job.id).await.map_err(Failure::of)?;
        let ledger = store.ledger(job.id).await.map_err(Failure::of)?;
        let doubtful: Vec<_> = store
            .open_batches(job.id)
            .await
            .map_err(Failure::of)?
            .into_iter()
            .filter(|batch| batch.state == BatchState::InDoubt)
            .collect();
        let drift = store.drift(job.id).await.map_err(Failure::of)?;
        let turned_away = store.turned_away().await.map_err(Failure::of)?;
        if self.metrics {
            let exit = if ledger.is_final() { Exit::Settled } else { Exit::Unsettled };
            print::data(metrics::text(&JobFigures { job, ledger, drift }, &turned_away).trim_end())?;
            return Ok(exit);
        }
        let next = NextStep::of(&job, &ledger, job.name.as_str());
        let next = next.map(|next| (format!("{}{}", next.command, typed::store()), next.why));
        let word = |outcome| if outcome == Outcome::Done { "done" } else { "failed" };
        if self.json {
            let costs: Vec<Value> = ledger
                .costs
                .iter()
                .map(|((outcome, currency), sum)| {
                    json!({"outcome": word(*outcome), "currency": currency.as_str(), "count": sum.count, "amount": sum.amount.to_string()})
                })
                .collect();
            let in_doubt: Vec<Value> = doubtful
                .iter()
                .map(|batch| json!({"batch_no": batch.batch_no.as_str(), "numbers": batch.numbers - batch.settled, "why": batch.message}))
                .collect();
            print::json(&json!({
                "job": job.name, "numbers": job.numbers, "planned": ledger.planned, "refused": ledger.refused,
                "submitted": ledger.submitted, "settled": ledger.settled, "failed": ledger.failed, "in_doubt": ledger.in_doubt,
                "missing": ledger.missing, "pending": ledger.pending, "reused": ledger.reused.total(), "waiting": ledger.waiting,
                "waiting_in_doubt": ledger.waiting_in_doubt, "costs": costs, "unpriced": ledger.unpriced, "charged_again": ledger.charged_again, "may_be_charged": ledger.may_be_charged,
                "batches_in_doubt": in_doubt, "drift": drift.iter().map(drift_json).collect::<Vec<_>>(),
                "turned_away": turned_away.iter().map(turned_away_json).collect::<Vec<_>>(),
                "next": next.map(|(command, _)| command),
            }))?;
        } else {
            print::data(&format!(
                "job {}: {}, {} not sent, {} refused",
                job.name,
                print::count(job.numbers, "number"),
                ledger.planned,
                ledger.refused
            ))?;
            let canvas = Canvas::of_terminal();
            match canvas {
                Some(canvas) => canvas.show_outcomes(&job, &ledger)?,
                None => print::data(&format!(
                    "submitted {} = settled {} + failed {} + in doubt {} + missing {} + pending {}",
                    ledger.submitted,
                    ledger.settled,
                    ledger.failed,
                    ledger.in_doubt,
                    ledger.missing,
                    ledger.pending
                ))?,
            }
            if ledger.reused.total() + ledger.waiting + ledger.waiting_in_doubt > 0 {
                print::data(&format!(
                    "not sent by this job: {} reused, {} wait for another job's sending, {} for one that is in doubt",
                    ledger.reused.total(),
                    ledger.waiting,
                    ledger.waiting_in_doubt
                ))?;
            }
            if ledger.charged_again > 0 {
                print::data(&format!(
                    "{} {} charged for two sendings; both are in the cost",
                    print::count(ledger.charged_again, "number"),
                    print::form(ledger.charged_again, "was", "were")
                ))?;
            }
            if ledger.may_be_charged > 0 {
                print::data(&sent_again(ledger.may_be_charged))?;
            }
            match canvas {
                Some(canvas) => canvas.show_cost(&ledger)?,
                None => {
                    for ((outcome, currency), sum) in &ledger.costs {
                        print::data(&format!(
                            "{} {} cost {} {currency}",
                            sum.count,
                            word(*outcome),
                            sum.amount
                        ))?;
                    }
                }
            }
            if ledger.unpriced > 0 {
                print::data(&format!("{} without a price", print::count(ledger.unpriced, "result")))?;
            }
            for one in &drift {
                print::data(&drift_line(one))?;
            }
            for TurnedAway { kind, count, last_ms, .. } in &turned_away {
                print::data(&format!(
                    "this store's receivers: {}; the last at {}",
                    turned_away_line(kind, *count),
                    print::rfc3339(*last_ms)
                ))?;
            }
            for batch in &doubtful {
                let why = batch.message.as_deref().unwrap_or("nobody knows whether it was accepted");
                print::data(&format!(
                    "in doubt: batch {}, {}: {why}",
                    batch.batch_no,
                    print::count(batch.numbers - batch.settled, "number")
                ))?;
            }
            if !doubtful.is_empty() {
                print::say(&match job.spec.scope.service.as_str() {
                    Scope::PRIVACY => format!(
                        "numcheck: QXT cannot be asked afterwards: what is in doubt stays so, unless its reply was kept and `numcheck receive --reread` \
                         can enter it; `numcheck resume {} --resubmit-doubtful` asks again and may pay twice",
                        job.name
                    ),
                    _ => format!(
                        "numcheck: a result or `numcheck reconcile {0}` settles what is in doubt; an empty answer ends a doubt only beside a later batch that the platform shows; \
                     `numcheck resume {0} --resubmit-doubtful` sends it again and may pay twice",
                        job.name
                    ),
                });
            }
            if let Some((command, why)) = next {
                print::data(&format!("next: {command} ({why})"))?;
            }
        }
        Ok(if ledger.is_final() { Exit::Settled } else { Exit::Unsettled })
    }
}

fn turned_away_json(one: &TurnedAway) -> Value {
    json!({"kind": one.kind, "count": one.count, "last": print::rfc3339(one.last_ms)})
}
