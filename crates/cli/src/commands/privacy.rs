//! `numcheck privacy`: are Chinese mobile numbers privacy (virtual) numbers? A small job of level privacy, shown number by number.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::store::RowFate;
use numcheck_bulk::{BatchState, Halt, PriceTable};
use numcheck_job::{Engine, PrivacyService, RunOptions, with_privacy};
use numcheck_protocol::qxt::{KnownPrivacyStatus, PrivacyReply, QxtCode};
use numcheck_protocol::{Lang, PhoneNumber};
use numcheck_tables::Numbering;
use serde::Serialize;

use crate::account::AccountId;
use crate::call::{self, Network, QxtArgs};
use crate::commands::arguments::{Prices, Speed, asking_takes};
use crate::commands::asking::{Asked, Asking};
use crate::commands::reuse::Again;
use crate::consent::Yes;
use crate::drift;
use crate::durable::{Outlook, ProgressArgs, Single, StoreAt, distinct};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::level::Level;
use crate::print;
use crate::stop::Stop;

/// Ask QXT whether Chinese mobile numbers are privacy (virtual) numbers. Costs money per number.
///
/// Asks first. Each number is asked about once, however often and in whatever spelling it stands there; one that the store has an answer for, younger
/// than 24 hours, is not asked about again. Prints one line per number, in order. For a file: `numcheck run FILE --level privacy`.
#[derive(Debug, Args)]
pub(crate) struct Privacy {
    /// The numbers: 11 digits, with or without 86 before them; `-` reads them from standard input, one a line or as CSV.
    #[arg(required = true, value_name = "MOBILE")]
    mobiles: Vec<String>,
    #[command(flatten)]
    how: QxtArgs,
    #[command(flatten)]
    speed: Speed,
    #[command(flatten)]
    prices: Prices,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    yes: Yes,
    /// Print one JSON object per number.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    store: StoreAt,
}

/// What is known about one number, for a machine.
#[derive(Serialize)]
struct Line {
    mobile: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Outcome {
    Done {
        outcome: &'static str,
        code: i64,
        reason: Option<String>,
        status: Option<String>,
        privacy: Option<bool>,
        area: Option<String>,
        operator: Option<String>,
        /// When it was answered, where that was before this call.
        #[serde(skip_serializing_if = "Option::is_none")]
        reused: Option<String>,
    },
    Failed {
        outcome: &'static str,
        code: Option<i64>,
        name: Option<&'static str>,
        message: Option<String>,
        advice: Option<&'static str>,
        error: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        reused: Option<String>,
    },
    /// There is no answer.
    Open {
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
        may_have_been_charged: bool,
        error: String,
    },
    Invalid {
        outcome: &'static str,
        error: String,
    },
}

/// A number as it was typed, and as the book keeps it.
struct Typed {
    typed: String,
    number: Result<PhoneNumber, String>,
}

impl Privacy {
    /// Whether every line of stderr is to be JSON.
    pub(crate) fn says_json(&self) -> bool {
        self.progress.is_json()
    }

    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let client = call::qxt(&self.network, &self.how)?;
        let typed = self.typed().await?;
        let stop = Stop::on_signal(call::STOPPING_PRIVACY);
        let given: Vec<PhoneNumber> =
            typed.iter().filter_map(|one| one.number.as_ref().ok().copied()).collect();
        let numbers = distinct(given.clone());
        if numbers.is_empty() {
            return self.show_all(&typed, &HashMap::new());
        }
        let account = AccountId::qxt()?;
        let store = self.store.open_or_create_to_pay().await?;
        let prices: PriceTable = self.prices.table()?;
        let asking = Asking {
            account: &account,
            level: Level::Privacy,
            numbers: &numbers,
            invalid: (typed.len() - given.len()) as u64,
            duplicates: (given.len() - numbers.len()) as u64,
            prices: prices.clone(),
            again: &self.again,
            yes: &self.yes,
            stdin_is_taken: self.mobiles == ["-"],
        };
        let Asked { scope, decided, .. } = asking.ask(&*store).await?;
        let engine = Engine::new(Arc::clone(&store));
        let single =
            Single::plan(store, scope, "privacy", "privacy", &numbers, None, false, decided.reuse).await?;
        single.look_up(decided.resubmit_before_ms).await?;
        let service =
            Arc::new(PrivacyService::new(client).with_price(prices.get(PrivacyService::LEVEL, "*")));
        let mut options = RunOptions::default();
        options.concurrency = self.speed.concurrency.into();
        options.pace = self.speed.rate.map(|rate| rate.pace(engine.store(), &account.fingerprint));
        let count = numbers.len() as u64;
        let answering = asking_takes(count, self.speed.concurrency);
        let outlook = Outlook::of_queries(count, answering, options.pace.as_ref());
        let driven = engine.run_to_end(&single.job, &service, options, stop.cancel());
        let driven = self.progress.follow(&**engine.store(), &single.job, outlook, driven).await;
        // What was paid for is shown, whatever became of the store.
        let fates = single.look_up(None).await?;
        for drifted in engine.store().drift(single.job.id).await.map_err(Failure::of)? {
            drift::tell(&[drifted.drift]);
        }
        let ended = driven.as_ref().ok().and_then(|driven| match driven.halt.as_ref()? {
            Halt::NotSent(why) | Halt::Refused(why) | Halt::OtherService(why) => Some(why.as_str()),
            _ => None,
        });
        let known = fates.iter().map(|fate| (fate.number, outcome_of(fate, ended))).collect();
        let exit = self.show_all(&typed, &known)?;
        let exit = if ended.is_some() { worse(exit, Exit::Unsettled) } else { exit };
        driven.map_err(Failure::of)?;
        Ok(exit)
    }

    async fn typed(&self) -> Result<Vec<Typed>, Failure> {
        let read = |typed: &str| Typed {
            typed: typed.to_owned(),
            number: Numbering::ChineseMobile
                .read(typed.as_bytes())
                .map_err(|reject| format!("{reject}; nothing was sent")),
        };
        if self.mobiles != ["-"] {
            return Ok(self.mobiles.iter().map(|typed| read(typed)).collect());
        }
        let input = input::read(Path::new("-"), input::read_options(None, Level::Privacy, None)).await?;
        let mut all = Vec::new();
        for row in input.rows() {
            let row = row?;
            all.push(read(&String::from_utf8_lossy(row.phone_cell())));
        }
        Ok(all)
    }

    /// One line for each number as it was typed, in order; the answer of one that stands there twice is repeated.
    fn show_all(
        &self,
        typed: &[Typed],
        known: &HashMap<PhoneNumber, (Outcome, Exit)>,
    ) -> Result<Exit, Failure> {
        let mut exit = Exit::Settled;
        let mut complained = HashSet::new();
        for one in typed {
            let (mobile, (outcome, own)) = match &one.number {
                Err(why) => {
                    let outcome = Outcome::Invalid { outcome: "invalid", error: why.clone() };
                    (one.typed.clone(), (outcome, Exit::Unsettled))
                }
                Ok(number) => {
                    let digits = number.digits().strip_prefix("86").unwrap_or(number.digits());
                    let known = known.get(number).cloned().unwrap_or_else(not_asked);
                    (digits.to_owned(), known)
                }
            };
            if let Outcome::Failed { error, .. } | Outcome::Open { error, .. } = &outcome
                && complained.insert(error.clone())
            {
                print::say(&format!("numcheck: {error}"));
            }
            exit = worse(exit, own);
            if self.json {
                print::json(&Line { mobile, outcome })?;
            } else {
                print::data(&format!("{mobile}\t{outcome}"))?;
            }
        }
        Ok(exit)
    }
}

const NOT_ASKED: &str = "not asked about";

fn not_asked() -> (Outcome, Exit) {
    let error = format!("{NOT_ASKED}: the command ended before");
    let outcome = Outcome::Open { outcome: "pending", code: None, may_have_been_charged: false, error };
    (outcome, Exit::Unsettled)
}

/// What the book says of a number. `ended` is why asking has ended early.
fn outcome_of(fate: &RowFate, ended: Option<&str>) -> (Outcome, Exit) {
    let reused = fate.reused.then(|| print::rfc3339(fate.received_ms.unwrap_or_default()));
    let told = fate
        .result
        .as_ref()
        .and_then(|(_, body)| with_privacy(body, |reply, _| answer_of(&reply, reused.clone())));
    if let Some(told) = told {
        return told;
    }
    let (outcome, may_have_been_charged, why) = match fate.state {
        BatchState::Planned | BatchState::Refused => ("pending", false, NOT_ASKED),
        _ if fate.reused => {
            ("in_doubt", true, "under way or in doubt by an earlier call: not asked about again")
        }
        _ => ("in_doubt", true, "nobody knows whether it was asked about"),
    };
    let error = match (&fate.message, ended) {
        (Some(message), _) => message.clone(),
        (None, Some(ended)) if why == NOT_ASKED => {
            format!("{NOT_ASKED}, and nothing was paid for it: {ended}")
        }
        _ => why.to_owned(),
    };
    let outcome = Outcome::Open { outcome, code: fate.code, may_have_been_charged, error };
    (outcome, Exit::Unsettled)
}

fn answer_of(reply: &PrivacyReply<'_>, reused: Option<String>) -> (Outcome, Exit) {
    let code = reply.code.get().copied();
    let reason = reply.reason.get().map(|text| text.as_str().to_owned());
    if !code.is_some_and(|code| code.is_answer()) {
        let failed = Outcome::Failed {
            outcome: "refused",
            code: code.map(QxtCode::get),
            name: code.and_then(QxtCode::name),
            error: code.map_or_else(
                || "the reply has no code".to_owned(),
                |code| code.refusal(reason.as_deref()).to_string(),
            ),
            message: reason,
            advice: code.map(|code| code.advice(Lang::En)),
            reused,
        };
        return (failed, Exit::Unsettled);
    }
    let result = reply.result.get();
    let status = result.and_then(|result| result.status.get());
    let privacy = status.and_then(|status| match status.known()? {
        KnownPrivacyStatus::Privacy => Some(true),
        KnownPrivacyStatus::NotPrivacy => Some(false),
        _ => None,
    });
    let is_read = privacy.is_some() || code != Some(QxtCode::SUCCESS);
    let done = Outcome::Done {
        outcome: "done",
        code: code.map_or(0, QxtCode::get),
        privacy,
        reason,
        status: status.map(ToString::to_string),
        area: result.and_then(|result| result.area.get()).map(|area| area.as_str().to_owned()),
        operator: result.and_then(|result| result.now_isp.get()).map(ToString::to_string),
        reused,
    };
    (done, if is_read { Exit::Settled } else { Exit::Unsettled })
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done { status, area, operator, reused, .. } => {
                // Whatever the platform sends stays on its number's line.
                let show = |text: &Option<String>| match text {
                    Some(text) => text.replace(char::is_control, " "),
                    None => "-".to_owned(),
                };
                write!(f, "{}\t{}\t{}", show(status), show(area), show(operator))?;
                match reused {
                    Some(time) => write!(f, "\treused, answered {time}"),
                    None => Ok(()),
                }
            }
            Self::Failed { outcome, error, .. }
            | Self::Open { outcome, error, .. }
            | Self::Invalid { outcome, error } => {
                write!(f, "{outcome}: {}", error.replace(char::is_control, " "))
            }
        }
    }
}

/// The exit that says more: one number in doubt weighs more than all that are settled.
fn worse(one: Exit, other: Exit) -> Exit {
    let weight = |exit| match exit {
        Exit::Settled => 0,
        Exit::Unsettled => 1,
        Exit::FailedOn => 2,
        Exit::Failed => 3,
        Exit::Usage => 4,
        Exit::Stopped => 5,
    };
    if weight(other) > weight(one) { other } else { one }
}
