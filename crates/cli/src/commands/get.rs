//! `numcheck get`: one number, checked at once.
//!
//! It asks once and never again by itself: a check costs.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::number_check::{self, CheckResult};
use numcheck_protocol::{BatchNo, Drift, Endpoint};
use serde::Serialize;

use crate::call::{self, Network};
use crate::commands::check_line;
use crate::commands::numbers::Numbers;
use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};
use crate::print;

/// Check one number at once, at the basic level. Costs money.
///
/// Only accounts of the platform's second dialect (v2) have it. One request, sent once. An answer that was lost leaves the check in doubt: it
/// may have been paid for.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    numbers: Numbers,
    /// The batch number under which `numcheck query` finds the check again, at most 64 characters; the platform makes one otherwise.
    #[arg(long, env = "NUMCHECK_BATCH_NO", hide_env_values = true, value_name = "B")]
    batch_no: Option<BatchNo>,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    store: StoreAt,
}

/// One result for a machine. Empty values are left out.
#[derive(Serialize)]
struct Shown {
    outcome: &'static str,
    #[serde(flatten)]
    values: serde_json::Map<String, serde_json::Value>,
    drift: Vec<String>,
}

impl Get {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let numbers = self.numbers.read()?;
        let [number] = numbers.as_slice() else {
            return Err(Failure::usage(format!(
                "one number is checked at a time, not {}; nothing was sent: for many use `numcheck run`",
                numbers.len()
            )));
        };
        let client = call::number_check(&self.network)?;
        let mut check = client.number_check().get(*number);
        if let Some(batch_no) = self.batch_no {
            check = check.batch_no(batch_no);
        }
        if let Some(pace) = self.store.pace_beside_jobs(&number_check::Get::INFO).await? {
            pace.turn(1)
                .await
                .map_err(|error| Failure::new("the store gives no turn; nothing was sent").because(error))?;
        }
        let checked = match check.send().await {
            Ok(checked) => checked,
            Err(error) => return call::unsuccessful(&error, self.json),
        };
        call::say_drift(&checked.drift);
        let drift = checked.drift.iter().map(|Drift { place, .. }| place.clone()).collect();
        checked.result(|result| show(&result, drift, self.json))
    }
}

fn show(result: &CheckResult<'_>, drift: Vec<String>, json: bool) -> Result<Exit, Failure> {
    let outcome = if result.done { "checked" } else { "not_checked" };
    if json {
        print::json(&Shown { outcome, values: check_line::values(result), drift })?;
    } else if result.done {
        print::data(&check_line::line(result))?;
    }
    if result.done {
        return Ok(Exit::Settled);
    }
    let why =
        result.text.as_ref().map_or(String::new(), |text| format!(": {}", check_line::masked(text.as_str())));
    print::say(&format!("numcheck: the platform could not check the number{why}"));
    Ok(Exit::Unsettled)
}
