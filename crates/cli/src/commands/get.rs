//! `numcheck get`: one number, checked at once. What it finds is in the store's book.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::store::{Claimed, RowFate, Source};
use numcheck_bulk::{BatchEnd, Row};
use numcheck_job::{submitted, with_result};
use numcheck_nxcloud::Checked;
use numcheck_protocol::number_check::{self, CheckResult, GetOutcome};
use numcheck_protocol::{BatchNo, Endpoint};
use numcheck_transport::Reply;
use serde::Serialize;

use crate::account::AccountId;
use crate::call::{self, Network};
use crate::commands::arguments::Prices;
use crate::commands::asking::{Asked, Asking};
use crate::commands::check_line;
use crate::commands::number::Number;
use crate::commands::reuse::Again;
use crate::commands::stored;
use crate::consent::Yes;
use crate::drift;
use crate::durable::{Single, StoreAt};
use crate::exit::{Exit, Failure};
use crate::level::Level;
use crate::print;
use crate::stop::Stop;

/// Check one number at once, at the basic level. Costs money.
///
/// Only accounts of the platform's second dialect (v2) have it. One request, sent once, after a question. An answer that was lost leaves the check
/// in doubt: it may have been paid for. A number that the store knows to be paid for and fresh is shown, and not sent.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    number: Number,
    /// The batch number under which `numcheck query` finds the check again, at most 64 characters; a random one otherwise.
    #[arg(long, env = "NUMCHECK_BATCH_NO", hide_env_values = true, value_name = "B")]
    batch_no: Option<BatchNo>,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    prices: Prices,
    #[command(flatten)]
    yes: Yes,
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
        let number = self.number.read().await?;
        let stop = Stop::on_signal(call::STOPPING);
        let client = call::number_check(&self.network)?;
        let account = AccountId::nxcloud()?;
        let store = self.store.open_or_create_to_pay().await?;
        let level = Level::Basic;
        let asking = Asking {
            account: &account,
            level,
            numbers: &[number],
            invalid: 0,
            duplicates: 0,
            prices: self.prices.table()?,
            again: &self.again,
            yes: &self.yes,
            stdin_is_taken: self.number.takes_stdin(),
        };
        let Asked { scope, decided, to_send } = asking.ask(&*store).await?;
        let batch_no = self.batch_no.as_ref();
        let single =
            Single::plan(store, scope, "get", level.as_str(), &[number], batch_no, true, decided.reuse)
                .await?;
        let fates = single.look_up(decided.resubmit_before_ms).await?;
        if let Some(fate) = fates.iter().find(|fate| fate.reused) {
            return self.show_known(fate);
        }
        if to_send > 0 {
            self.store.take_turn(&number_check::Get::INFO, 1).await?;
        }
        let Some(claimed) = single.claim().await? else {
            return Err(Failure::new("another process is checking the number just now; nothing was sent"));
        };
        let batch_no = claimed.batch_no.clone();
        let check =
            client.number_check().get(number).batch_no(batch_no.clone()).confirm(single.confirm(&claimed));
        let checked = match call::once(&stop, &number_check::Get::INFO, check.send()).await {
            Ok(checked) => checked,
            Err(error) => {
                // A later release may read it, by `receive --reread`; what can be read already says that nothing is known.
                let is_unread = |reply: &&Reply| with_result(Source::Reply, &reply.body, |_| ()).is_none();
                let unread = error.reply().filter(|_| error.may_have_happened()).filter(is_unread);
                let stored = match unread {
                    Some(reply) => {
                        let row = Row::reply(reply.body.to_vec());
                        single.inbox.store_row(batch_no.as_str(), row).await.map(drop).map_err(Failure::of)
                    }
                    None => Ok(()),
                };
                let ended = single.end(&claimed, submitted(&error).into_end()).await;
                if error.may_have_happened() {
                    print::say(&format!(
                        "numcheck: `numcheck reconcile {}` tells whether it was checked",
                        single.job.name
                    ));
                }
                let exit = call::unsuccessful(&error, self.json)?;
                // That it may have been paid for is said first, whatever became of the store.
                return stored.and(ended).map(|()| exit);
            }
        };
        let kept = keep(&single, &claimed, &checked).await;
        drift::tell(&checked.drift);
        let exit = self.show(&checked, &checked.result(), &batch_no)?;
        // What was paid for is shown first, whatever became of the store.
        kept.map(|()| exit)
    }

    fn show_known(&self, fate: &RowFate) -> Result<Exit, Failure> {
        match (stored::values(fate), stored::line(fate)) {
            (Some(values), Some(line)) => {
                if self.json {
                    print::json(&Shown { outcome: "reused", values, drift: Vec::new(), reply: None })?;
                } else {
                    print::data(&line)?;
                }
                print::say("numcheck: the number has a result already: it is not paid for again");
                Ok(Exit::Settled)
            }
            _ => {
                print::say(
                    "numcheck: the number is under way, in doubt or refused by an earlier call: it is not sent again; `numcheck history` tells more",
                );
                Ok(Exit::Unsettled)
            }
        }
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
                     do not repeat it before you know, `numcheck query --batch-no {batch_no} --date DAY` may find it"
                ));
            }
        }
        Ok(Exit::Unsettled)
    }
}

/// Keeps a reply in the book. One that does not say whether it checked leaves the number in doubt.
async fn keep(single: &Single, claimed: &Claimed, checked: &Checked) -> Result<(), Failure> {
    let end = match checked.outcome() {
        GetOutcome::Unclear => {
            let message = "the reply has a form that no document shows".to_owned();
            BatchEnd::InDoubt { code: None, message, from_reply: true }
        }
        GetOutcome::Checked | GetOutcome::BadNumber => {
            let body = checked.body().to_vec();
            single.inbox.store_row(claimed.batch_no.as_str(), Row::reply(body)).await.map_err(Failure::of)?;
            BatchEnd::Accepted { message_id: None }
        }
    };
    single.end(claimed, end).await?;
    single.inbox.fold_all().await.map(drop).map_err(Failure::of)
}
