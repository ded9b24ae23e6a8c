//! `numcheck history`: what the book knows of one number.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::store::Source;
use numcheck_bulk::{BatchState, Scope};
use serde_json::json;

use crate::commands::number::{Number, as_mobile, typed};
use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};
use crate::level::Level;
use crate::print;
use numcheck_job::Engine;

/// Show every sending of a number that the store knows, the newest first. Sends nothing.
///
/// A Chinese mobile number may stand here without 86, as at `privacy`. With --json, what a privacy query was answered stands there as it came.
#[derive(Args)]
pub(crate) struct History {
    /// The number. What stands here can be seen in the list of processes, and stays in the shell's history; `-` reads it from standard
    /// input.
    #[arg(value_name = "NUMBER", conflicts_with_all = ["phone", "phone_file"])]
    typed: Option<String>,
    #[command(flatten)]
    number: Number,
    /// Print one JSON object per sending.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("json", &self.json).finish_non_exhaustive()
    }
}

impl History {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let number = match &self.typed {
            Some(text) => typed(text, "NUMBER").await?,
            None => self.number.read().await?,
        };
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        let mut sendings = engine.store().history(number).await.map_err(Failure::of)?;
        if let Some(number) = as_mobile(number) {
            sendings.extend(engine.store().history(number).await.map_err(Failure::of)?);
        }
        if sendings.is_empty() {
            print::say(&format!("numcheck: the store knows nothing of {}", number.masked()));
            return Ok(Exit::Settled);
        }
        for sending in sendings {
            let state = match (&sending.result, sending.batch) {
                (Some(_), _) => "settled",
                (None, BatchState::Planned) => "not sent",
                (None, BatchState::Sending) => "under way",
                (None, BatchState::Accepted) => "accepted",
                (None, BatchState::Refused) => "refused",
                (None, _) => "in doubt",
            };
            let sent = sending.sent_ms.map(print::rfc3339);
            let received = sending.result.as_ref().map(|(_, _, at)| print::rfc3339(*at));
            let scope = &sending.scope;
            let level = Level::of(scope).map(Level::as_str);
            let reply = match &sending.result {
                Some((Source::Reply, body, _)) if sending.scope.service == Scope::PRIVACY => {
                    Some(String::from_utf8_lossy(body))
                }
                _ => None,
            };
            if self.json {
                print::json(&json!({
                    "phone": number.masked(), "service": scope.service, "level": level, "account": scope.account, "job": sending.job,
                    "batch_no": sending.batch_no, "state": state, "sent": sent, "result": received, "reply": reply,
                }))?;
            } else {
                let dash = || "-".to_owned();
                print::data(&format!(
                    "{}\t{}\t{state}\tsent {}\tresult {}\tjob {}\tbatch {}",
                    number.masked(),
                    level.unwrap_or(&scope.service),
                    sent.unwrap_or_else(dash),
                    received.unwrap_or_else(dash),
                    sending.job,
                    sending.batch_no
                ))?;
            }
        }
        Ok(Exit::Settled)
    }
}
