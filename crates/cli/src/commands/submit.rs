//! `numcheck submit`: a few numbers, one request.
//!
//! It submits once and does not wait for results; `numcheck run` does both.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::{
    BatchNo, CallbackUrl, Drift, Endpoint, PhoneList, PhoneNumber, ValueError, number_check,
};
use serde::Serialize;

use crate::call::{self, Network};
use crate::commands::arguments::{Level, read};
use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};
use crate::input::normalise;
use crate::print;

/// Submit a few numbers; results are pushed to the callback URL. Costs money.
///
/// One request, sent once. It costs money when it is accepted. An answer that was lost leaves the submit in doubt: it may have been accepted.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The numbers with country code, joined by commas. What stands here can be seen in the list of processes.
    #[arg(
        long,
        env = "NUMCHECK_PHONE",
        hide_env_values = true,
        value_name = "NUMBER,…",
        required_unless_present = "phone_file"
    )]
    phone: Option<String>,
    /// Read the numbers from a file instead, one a line or joined by commas; `-` is standard input.
    #[arg(
        long,
        env = "NUMCHECK_PHONE_FILE",
        hide_env_values = true,
        value_name = "F",
        conflicts_with = "phone"
    )]
    phone_file: Option<PathBuf>,
    /// What is checked; the platform's default is basic.
    #[arg(long, env = "NUMCHECK_LEVEL", hide_env_values = true, value_enum)]
    level: Option<Level>,
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
    drift: Vec<String>,
}

impl Submit {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let numbers = self.numbers()?;
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
        if let Some(pace) = self.store.pace_beside_jobs(&number_check::Submit::INFO).await? {
            pace.turn(count as u64)
                .await
                .map_err(|error| Failure::new("the store gives no turn; nothing was sent").because(error))?;
        }
        let accepted = match submit.send().await {
            Ok(accepted) => accepted,
            Err(error) => return call::unsuccessful(&error, self.json),
        };
        call::say_drift(&accepted.drift);
        let shown = Accepted {
            outcome: "accepted",
            code: 0,
            numbers: count,
            message_id: accepted.message_id.map(|id| id.to_string()),
            batch_no: accepted.batch_no.map(|batch_no| batch_no.to_string()),
            message: accepted.text,
            drift: accepted.drift.into_iter().map(|Drift { place, .. }| place).collect(),
        };
        if self.json {
            print::json(&shown)?;
        } else {
            let none = || "none".to_owned();
            print::data(&format!(
                "accepted {count} numbers: message id {}, batch number {}",
                shown.message_id.unwrap_or_else(none),
                shown.batch_no.unwrap_or_else(none)
            ))?;
        }
        Ok(Exit::Settled)
    }

    fn numbers(&self) -> Result<PhoneList, Failure> {
        let from_file = self.phone_file.as_deref().map(|path| read(path, "--phone-file")).transpose()?;
        let text = match (&self.phone, &from_file) {
            (Some(text), _) => text.as_str(),
            (None, Some(bytes)) => std::str::from_utf8(bytes)
                .map_err(|_| Failure::usage("--phone-file: must be text in UTF-8"))?,
            (None, None) => "",
        };
        let mut numbers = Vec::<PhoneNumber>::new();
        for (at, cell) in (1..).zip(text.split([',', '\n']).map(str::trim).filter(|cell| !cell.is_empty())) {
            let number = normalise(cell.as_bytes())
                .map_err(|reject| Failure::usage(format!("number {at}: {reject}; nothing was sent")))?;
            numbers.push(number);
        }
        let not_sent = |error: ValueError| Failure::usage(format!("{error}; nothing was sent"));
        PhoneList::of_one_country(numbers).map_err(not_sent)
    }
}
