//! `numcheck submit`: a few numbers, one request.
//!
//! It submits once and does not wait for results; `numcheck run` does both.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::number_check::{self, Dialect};
use numcheck_protocol::{BatchNo, CallbackUrl, Endpoint, PhoneList, ValueError};
use serde::Serialize;

use crate::call::{self, Network};
use crate::commands::arguments::{Countries, Level};
use crate::commands::number::Numbers;
use crate::drift;
use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};
use crate::print;

/// Submit a few numbers; results are pushed to the callback URL. Costs money.
///
/// One request, sent once. It costs money when it is accepted. An answer that was lost leaves the submit in doubt: it may have been accepted.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    numbers: Numbers,
    /// What is checked; the platform's default is basic.
    #[arg(long, env = "NUMCHECK_LEVEL", hide_env_values = true, value_enum)]
    level: Option<Level>,
    /// Whether the numbers may be of several countries, which only accounts of the platform's second dialect (v2) take. `auto` is one.
    #[arg(long, env = "NUMCHECK_COUNTRIES", hide_env_values = true, default_value = "auto", value_enum)]
    countries: Countries,
    /// The batch number that every result will carry, at most 64 characters; the platform makes one otherwise.
    #[arg(long, env = "NUMCHECK_BATCH_NO", hide_env_values = true, value_name = "B")]
    batch_no: Option<BatchNo>,
    /// Where results are pushed; the application's own callback URL otherwise.
    #[arg(long, env = "NUMCHECK_DR_URL", hide_env_values = true, value_name = "U")]
    dr_url: Option<CallbackUrl>,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    store: StoreAt,
}

#[derive(Serialize)]
struct Accepted {
    outcome: &'static str,
    code: i64,
    numbers: usize,
    message_id: Option<String>,
    batch_no: Option<String>,
    message: Option<String>,
    dialect: Option<&'static str>,
    not_taken: Vec<NotTaken>,
    drift: Vec<serde_json::Value>,
}

/// A number that was not taken, as the platform wrote it.
#[derive(Serialize)]
struct NotTaken {
    number: Option<String>,
    reason: Option<String>,
}

impl From<number_check::NotTaken> for NotTaken {
    fn from(one: number_check::NotTaken) -> Self {
        Self { number: one.number, reason: one.reason }
    }
}

impl Submit {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let not_sent = |error: ValueError| Failure::usage(format!("{error}; nothing was sent"));
        let numbers = match self.countries {
            Countries::Many => PhoneList::of_many_countries(self.numbers.read()?),
            _ => PhoneList::of_one_country(self.numbers.read()?),
        };
        let numbers = numbers.map_err(not_sent)?;
        let count = numbers.len();
        let client = call::number_check(&self.network)?;
        let mut submit = client.number_check().submit(numbers);
        if let Some(level) = self.level {
            submit = submit.level(level.check_level());
        }
        if let Some(batch_no) = self.batch_no {
            submit = submit.batch_no(batch_no);
        }
        if let Some(url) = self.dr_url {
            submit = submit.callback(url);
        }
        self.store.take_turn(&number_check::Submit::INFO, count as u64).await?;
        let accepted = match submit.send().await {
            Ok(accepted) => accepted,
            Err(error) => return call::unsuccessful(&error, self.json),
        };
        drift::tell(&accepted.drift);
        let shown = Accepted {
            outcome: "accepted",
            code: 0,
            numbers: count,
            message_id: accepted.message_id.map(|id| id.to_string()),
            batch_no: accepted.batch_no.map(|batch_no| batch_no.to_string()),
            message: accepted.text,
            dialect: accepted.dialect.map(Dialect::as_str),
            not_taken: accepted.not_taken.into_iter().map(NotTaken::from).collect(),
            drift: drift::list(&accepted.drift),
        };
        let not_taken = shown.not_taken.len();
        if self.json {
            print::json(&shown)?;
        } else {
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
            print::data(&format!(
                "accepted {} numbers: message id {}, batch number {}",
                count.saturating_sub(not_taken),
                or_none(&shown.message_id),
                or_none(&shown.batch_no)
            ))?;
            for one in &shown.not_taken {
                print::data(&format!("not taken\t{}\t{}", or_none(&one.number), or_none(&one.reason)))?;
            }
        }
        if not_taken > 0 {
            print::say(&format!(
                "numcheck: the platform did not take {not_taken} of the numbers; they are not checked"
            ));
            return Ok(Exit::Unsettled);
        }
        Ok(Exit::Settled)
    }
}
