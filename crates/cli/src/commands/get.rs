//! `numcheck get`: one number, checked at once.
//!
//! It asks once and never again by itself: a check costs.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_nxcloud::Checked;
use numcheck_protocol::number_check::{self, CheckResult, GetOutcome};
use numcheck_protocol::{BatchNo, Endpoint};
use serde::Serialize;

use crate::call::{self, Network};
use crate::commands::check_line;
use crate::commands::number::Number;
use crate::drift;
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
    number: Number,
    /// The batch number under which `numcheck query` finds the check again, at most 64 characters; a random one otherwise.
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
    drift: Vec<serde_json::Value>,
    /// The whole reply, where it could not be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<serde_json::Value>,
}

impl Get {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let number = self.number.read()?;
        let client = call::number_check(&self.network)?;
        let batch_no = match &self.batch_no {
            Some(batch_no) => batch_no.clone(),
            None => own_batch_no()?,
        };
        let check = client.number_check().get(number).batch_no(batch_no.clone());
        self.store.take_turn(&number_check::Get::INFO, 1).await?;
        let checked = match check.send().await {
            Ok(checked) => checked,
            Err(error) => {
                if error.may_have_happened() {
                    print::say(&format!(
                        "numcheck: `numcheck query --batch-no {batch_no}` tells whether it was checked"
                    ));
                }
                return call::unsuccessful(&error, self.json);
            }
        };
        drift::tell(&checked.drift);
        checked.result(|result| self.show(&checked, &result, &batch_no))
    }

    fn show(&self, checked: &Checked, result: &CheckResult<'_>, batch_no: &BatchNo) -> Result<Exit, Failure> {
        let outcome = checked.outcome();
        let reply = String::from_utf8_lossy(checked.body());
        if self.json {
            let word = match outcome {
                GetOutcome::Checked => "checked",
                GetOutcome::BadNumber => "not_checked",
                GetOutcome::Unclear => "unclear",
            };
            let whole = serde_json::from_slice(checked.body()).unwrap_or_else(|_| reply.clone().into());
            let reply = (outcome == GetOutcome::Unclear).then_some(whole);
            let (values, drift) = (check_line::values(result), drift::list(&checked.drift));
            print::json(&Shown { outcome: word, values, drift, reply })?;
        }
        match outcome {
            GetOutcome::Checked => {
                if !self.json {
                    print::data(&check_line::line(result))?;
                }
                return Ok(Exit::Settled);
            }
            GetOutcome::BadNumber => {
                let why = result.text.as_ref();
                let why =
                    why.map_or(String::new(), |text| format!(": {}", check_line::masked(text.as_str())));
                print::say(&format!("numcheck: the platform could not check the number{why}"));
            }
            GetOutcome::Unclear => {
                if !self.json {
                    print::data(&reply)?;
                }
                print::say(&format!(
                    "numcheck: the reply has a form that no document shows, and is printed as it came; the check may have been paid for: \
                     do not repeat it before you know, `numcheck query --batch-no {batch_no}` may find it"
                ));
            }
        }
        Ok(Exit::Unsettled)
    }
}

/// A batch number by which a check is found again, whatever becomes of its answer.
fn own_batch_no() -> Result<BatchNo, Failure> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| Failure::new("this machine gives no random numbers"))?;
    BatchNo::new(&format!("nc-get-{:016x}", u64::from_be_bytes(random))).map_err(Failure::of)
}
