//! `numcheck submit`: a few numbers, one request.
//!
//! It submits once and does not wait for results; `numcheck run` does both. What it sends is in the store's book.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::store::{Claimed, RowFate};
use numcheck_bulk::{BatchEnd, JobName};
use numcheck_job::{not_taken, submitted};
use numcheck_protocol::number_check::{self, Dialect};
use numcheck_protocol::{BatchNo, CallbackUrl, Endpoint, PhoneList, PhoneNumber, ValueError};
use serde::Serialize;

use crate::account::AccountId;
use crate::batching::Countries;
use crate::call::{self, Network};
use crate::commands::arguments::Prices;
use crate::commands::asking::{Asked, Asking};
use crate::commands::number::Numbers;
use crate::commands::reuse::Again;
use crate::commands::stored;
use crate::consent::Yes;
use crate::drift;
use crate::durable::{Single, StoreAt, distinct};
use crate::exit::{Exit, Failure};
use crate::level::Level;
use crate::print;
use crate::stop::Stop;

/// Submit a few numbers; results are pushed to the callback URL. Costs money.
///
/// One request, sent once, after a question. It costs money when it is accepted. An answer that was lost leaves the submit in doubt: it may have been
/// accepted. A number that the store knows to be paid for and fresh, or under way, or in doubt, is not sent.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    numbers: Numbers,
    /// What is checked; the platform's default is basic.
    #[arg(long, env = "NUMCHECK_LEVEL", hide_env_values = true, value_parser = Level::of_number_check())]
    level: Option<Level>,
    /// Whether the numbers may be of several countries, which only accounts of the platform's second dialect (v2) take. `auto` is one.
    #[arg(long, env = "NUMCHECK_COUNTRIES", hide_env_values = true, default_value = "auto", value_enum)]
    countries: Countries,
    /// The batch number that every result will carry, at most 64 characters; a random one otherwise.
    #[arg(long, env = "NUMCHECK_BATCH_NO", hide_env_values = true, value_name = "B")]
    batch_no: Option<BatchNo>,
    /// Where results are pushed; the application's own callback URL otherwise.
    #[arg(long, env = "NUMCHECK_DR_URL", hide_env_values = true, value_name = "U")]
    dr_url: Option<CallbackUrl>,
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

#[derive(Serialize)]
struct Accepted {
    outcome: &'static str,
    code: i64,
    numbers: usize,
    message_id: Option<String>,
    batch_no: Option<String>,
    job: Option<JobName>,
    message: Option<String>,
    dialect: Option<&'static str>,
    not_taken: Vec<NotTaken>,
    /// Results that were paid for before.
    reused: Vec<serde_json::Map<String, serde_json::Value>>,
    /// How many numbers are under way or in doubt elsewhere.
    waiting: usize,
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
        let given = self.numbers.read().await?;
        let stop = Stop::on_signal(call::STOPPING);
        let numbers = distinct(given.clone());
        let list = |numbers: Vec<PhoneNumber>| match self.countries {
            Countries::Many => PhoneList::from_many_countries(numbers),
            _ => PhoneList::from_one_country(numbers),
        };
        list(numbers.clone()).map_err(not_sent)?;
        let client = call::number_check(&self.network)?;
        let account = AccountId::nxcloud()?;
        let store = self.store.open_or_create_to_pay().await?;
        let level = self.level.unwrap_or(Level::Basic);
        let asking = Asking {
            account: &account,
            level,
            numbers: &numbers,
            invalid: 0,
            duplicates: (given.len() - numbers.len()) as u64,
            prices: self.prices.table()?,
            again: &self.again,
            yes: &self.yes,
            stdin_is_taken: self.numbers.takes_stdin(),
        };
        let Asked { scope, decided, to_send } = asking.ask(&*store).await?;
        if to_send > 0 {
            self.store.take_turn(&number_check::Submit::INFO, to_send).await?;
        }
        let batch_no = self.batch_no.as_ref();
        let single =
            Single::plan(store, scope, "submit", level.as_str(), &numbers, batch_no, false, decided.reuse)
                .await?;
        let fates = single.look_up(decided.resubmit_before_ms).await?;
        let elsewhere: Vec<RowFate> = fates.into_iter().filter(|fate| fate.reused).collect();
        let (mut shown, mut kept) = (Accepted::nothing(&elsewhere), Ok(()));
        if let Some(claimed) = single.claim().await? {
            let sent = claimed.numbers.clone();
            let mut submit = client.number_check().submit(list(sent.clone()).map_err(not_sent)?);
            if let Some(level) = self.level {
                submit = submit.level(number_check::CheckLevel::new(level.figure()));
            }
            submit = submit.batch_no(claimed.batch_no.clone()).confirm(single.confirm(&claimed));
            if let Some(url) = self.dr_url.clone() {
                submit = submit.callback(url);
            }
            let accepted = match call::once(&stop, &number_check::Submit::INFO, submit.send()).await {
                Ok(accepted) => accepted,
                Err(error) => {
                    let ended = single.end(&claimed, submitted(&error).into_end()).await;
                    let exit = call::unsuccessful(&error, self.json)?;
                    // That it may have been paid for is said first, whatever became of the store.
                    return ended.map(|()| exit);
                }
            };
            kept = keep(&single, &claimed, &sent, &accepted).await;
            drift::tell(&accepted.drift);
            shown.job = Some(single.job.name.clone());
            shown.accept(sent.len(), accepted);
        }
        let exit = self.show(&shown, elsewhere)?;
        // What was paid for is shown first, whatever became of the store.
        kept.map(|()| exit)
    }

    fn show(&self, shown: &Accepted, elsewhere: Vec<RowFate>) -> Result<Exit, Failure> {
        let not_taken = shown.not_taken.len();
        if self.json {
            print::json(shown)?;
        } else {
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
            if shown.numbers > 0 {
                print::data(&format!(
                    "accepted {}: message id {}, batch number {}",
                    print::count(shown.numbers.saturating_sub(not_taken) as u64, "number"),
                    or_none(&shown.message_id),
                    or_none(&shown.batch_no)
                ))?;
                if let Some(job) = &shown.job {
                    print::say(&format!(
                        "numcheck: the results are fetched by `numcheck reconcile {job}`, and written by `numcheck export {job}`"
                    ));
                }
            }
            for one in &shown.not_taken {
                print::data(&format!("not taken\t{}\t{}", or_none(&one.number), or_none(&one.reason)))?;
            }
            for fate in &elsewhere {
                if let Some(line) = stored::line(fate) {
                    print::data(&line)?;
                }
            }
        }
        if shown.waiting > 0 {
            print::say(&format!(
                "numcheck: {} of the numbers {} under way or in doubt by an earlier call: {} not sent again",
                shown.waiting,
                print::form(shown.waiting as u64, "is", "are"),
                print::form(shown.waiting as u64, "it is", "they are")
            ));
        }
        if !shown.reused.is_empty() {
            let reused = shown.reused.len() as u64;
            print::say(&format!(
                "numcheck: {reused} of the numbers {} a result already: {} not paid for again",
                print::form(reused, "has", "have"),
                print::form(reused, "it is", "they are")
            ));
        }
        if not_taken > 0 {
            print::say(&format!(
                "numcheck: the platform did not take {not_taken} of the numbers; {} not checked",
                print::form(not_taken as u64, "it is", "they are")
            ));
        }
        Ok(if not_taken + shown.waiting > 0 { Exit::Unsettled } else { Exit::Settled })
    }
}

impl Accepted {
    fn nothing(elsewhere: &[RowFate]) -> Self {
        Self {
            outcome: "reused",
            code: 0,
            numbers: 0,
            message_id: None,
            batch_no: None,
            job: None,
            message: None,
            dialect: None,
            not_taken: Vec::new(),
            reused: elsewhere.iter().filter_map(stored::values).collect(),
            waiting: elsewhere.iter().filter(|fate| fate.result.is_none()).count(),
            drift: Vec::new(),
        }
    }

    fn accept(&mut self, numbers: usize, accepted: numcheck_nxcloud::Accepted) {
        self.outcome = "accepted";
        self.numbers = numbers;
        self.message_id = accepted.message_id.map(|id| id.to_string());
        self.batch_no = accepted.batch_no.map(|batch_no| batch_no.to_string());
        self.message = accepted.text;
        self.dialect = accepted.dialect.map(Dialect::as_str);
        self.not_taken = accepted.not_taken.into_iter().map(NotTaken::from).collect();
        self.drift = drift::list(&accepted.drift);
    }
}

/// Keeps in the book that a submit was accepted, and which of its numbers were not.
async fn keep(
    single: &Single,
    claimed: &Claimed,
    sent: &[PhoneNumber],
    accepted: &numcheck_nxcloud::Accepted,
) -> Result<(), Failure> {
    for row in not_taken(sent, &accepted.not_taken) {
        single.inbox.store_row(claimed.batch_no.as_str(), row).await.map_err(Failure::of)?;
    }
    let message_id = accepted.message_id.as_ref().map(ToString::to_string);
    single.end(claimed, BatchEnd::Accepted { message_id }).await?;
    single.inbox.fold_all().await.map(drop).map_err(Failure::of)
}
