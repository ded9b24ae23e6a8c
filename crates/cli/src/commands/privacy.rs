//! `numcheck privacy`: are Chinese mobile numbers privacy (virtual) numbers? What it finds is in the store's book.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use clap::Args;
use clap::builder::BoolishValueParser;
use futures_util::StreamExt;
use numcheck_bulk::store::{Claimed, RowFate, Source, reading};
use numcheck_bulk::{BatchEnd, PriceTable};
use numcheck_protocol::qxt::{Mobile, PrivacyReply, QxtCode};
use numcheck_protocol::{Endpoint, PhoneNumber, decode, qxt};
use numcheck_transport::{CallError, CallErrorKind};
use serde::Serialize;

use crate::account::AccountId;
use crate::call::{self, Network, QxtArgs, Unsuccessful};
use crate::commands::asking::{Asked, Asking};
use crate::commands::reuse::Again;
use crate::consent::Yes;
use crate::drift;
use crate::durable::{Single, StoreAt, distinct};
use crate::exit::{Exit, Failure};
use crate::input::{names_country, normalise};
use crate::print;
use crate::stop::Stop;

/// Ask QXT whether Chinese mobile numbers are privacy (virtual) numbers. Costs money per number.
///
/// Asks first. Each number is asked about once, however often and in whatever spelling it stands there; one that the store has an answer for, younger
/// than 24 hours, is not asked about again. Prints one line per number, in order.
#[derive(Debug, Args)]
pub(crate) struct Privacy {
    /// The numbers: 11 digits, with or without 86 before them; `-` reads them from standard input, one a line.
    #[arg(required = true, value_name = "MOBILE")]
    mobiles: Vec<String>,
    #[command(flatten)]
    how: QxtArgs,
    /// How many queries are under way at once.
    #[arg(long, env = "NUMCHECK_CONCURRENCY", hide_env_values = true, default_value_t = 8, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    yes: Yes,
    /// Print one JSON object per number.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
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
    Unsuccessful(Unsuccessful),
    /// Nothing was asked about it by this call.
    NotAsked {
        outcome: &'static str,
        error: String,
    },
    Invalid {
        outcome: &'static str,
        error: String,
    },
}

/// Refusals that would meet every further number, too.
#[derive(Default)]
struct Refusals {
    for_all: AtomicBool,
    /// `BAD_PARAMETER` means the number or the key: of so many in a row, whose numbers have the right length, the key.
    bad_parameters: AtomicU32,
}

impl Refusals {
    const MAX_BAD_PARAMETERS: u32 = 3;

    fn count(&self, error: Option<&CallError>) {
        let code = error.and_then(CallError::code::<qxt::Privacy>);
        if code == Some(QxtCode::BAD_PARAMETER) {
            self.bad_parameters.fetch_add(1, Ordering::SeqCst);
        } else {
            self.bad_parameters.store(0, Ordering::SeqCst);
        }
        // A gateway's word that the platform never got it ends the call as well: it may be set up to say so afterwards, too.
        let is_unreached = error.is_some_and(|error| error.kind() == CallErrorKind::NeverReached);
        if is_unreached || code.is_some_and(|code| code.class().is_about_account()) {
            self.for_all.store(true, Ordering::SeqCst);
        }
    }

    fn end_the_call(&self) -> bool {
        self.for_all.load(Ordering::SeqCst)
            || self.bad_parameters.load(Ordering::SeqCst) >= Self::MAX_BAD_PARAMETERS
    }
}

/// A number as it was typed, and as it is asked about.
struct Typed {
    typed: String,
    mobile: Result<Mobile, String>,
}

impl Privacy {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let stop = Stop::on_signal(call::STOPPING);
        let client = call::qxt(&self.network, &self.how)?;
        let typed: Vec<Typed> =
            self.mobiles()?.into_iter().map(|typed| Typed { mobile: read_mobile(&typed), typed }).collect();
        let given: Vec<PhoneNumber> =
            typed.iter().filter_map(|one| number_of(one.mobile.as_ref().ok()?)).collect();
        let numbers = distinct(given.clone());
        if numbers.is_empty() {
            return self.show_all(&typed, HashMap::new());
        }
        let account = AccountId::qxt()?;
        let store = self.store.open_or_create().await?;
        let asking = Asking {
            account: &account,
            level: None,
            numbers: &numbers,
            invalid: (typed.len() - given.len()) as u64,
            duplicates: (given.len() - numbers.len()) as u64,
            prices: PriceTable::default(),
            again: &self.again,
            yes: &self.yes,
            stdin_is_taken: self.mobiles == ["-"],
        };
        let Asked { scope, decided, .. } = asking.ask(&*store).await?;
        let single =
            Single::plan(store, scope, "privacy", "privacy", &numbers, None, true, decided.reuse).await?;
        let fates = single.look_up(decided.resubmit_before_ms).await?;
        let mut known: HashMap<PhoneNumber, (Outcome, Exit)> =
            fates.iter().filter(|fate| fate.reused).map(|fate| (fate.number, known_before(fate))).collect();
        let refusals = Refusals::default();
        let asking = futures_util::stream::iter(0..numbers.len()).map(|_| async {
            // What refuses the account refuses every further number.
            if refusals.end_the_call() || stop.asked() {
                return Ok(None);
            }
            self.ask_next(&single, &client, &stop, &refusals).await
        });
        let mut asking = std::pin::pin!(asking.buffer_unordered(self.concurrency.into()));
        let mut failed = None;
        while let Some(answered) = asking.next().await {
            match answered {
                Ok(Some((number, outcome, exit))) => _ = known.insert(number, (outcome, exit)),
                Ok(None) => {}
                Err(failure) => failed = Some(failure),
            }
        }
        single.inbox.fold_all().await.map_err(Failure::of)?;
        let exit = self.show_all(&typed, known)?;
        failed.map_or(Ok(exit), Err)
    }

    /// Asks about the next number that is to be asked about; `None` when there is none left.
    async fn ask_next(
        &self,
        single: &Single,
        client: &numcheck_qxt::Client,
        stop: &Stop,
        refusals: &Refusals,
    ) -> Result<Option<(PhoneNumber, Outcome, Exit)>, Failure> {
        let Some(claimed) = single.claim().await? else { return Ok(None) };
        let Some(number) = claimed.numbers.first().copied() else { return Ok(None) };
        let mobile = Mobile::new(number.digits().strip_prefix("86").unwrap_or(number.digits()))
            .map_err(|error| Failure::usage(error.to_string()))?;
        let call = client.check_confirmed(mobile, single.confirm(&claimed));
        let answer = call::once(stop, &qxt::Privacy::INFO, call).await;
        refusals.count(answer.as_ref().err());
        let kept = keep(single, &claimed, &answer).await;
        let (outcome, exit) = outcome_of(answer);
        // What was paid for is shown, whatever became of the store.
        if let Err(failure) = kept {
            print::complain(&failure);
        }
        Ok(Some((number, outcome, exit)))
    }

    fn mobiles(&self) -> Result<Vec<String>, Failure> {
        if self.mobiles != ["-"] {
            return Ok(self.mobiles.clone());
        }
        let lines = std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| Failure::usage("standard input cannot be read").because(error))?;
        Ok(lines.into_iter().filter(|line| !line.trim().is_empty()).collect())
    }

    /// One line for each number as it was typed, in order; the answer of one that stands there twice is repeated.
    fn show_all(
        &self,
        typed: &[Typed],
        mut known: HashMap<PhoneNumber, (Outcome, Exit)>,
    ) -> Result<Exit, Failure> {
        let mut exit = Exit::Settled;
        let mut shown = HashSet::new();
        for one in typed {
            let (mobile, outcome, own) = match &one.mobile {
                Err(why) => {
                    let outcome = Outcome::Invalid { outcome: "invalid", error: why.clone() };
                    (one.typed.clone(), outcome, Exit::Unsettled)
                }
                Ok(mobile) => {
                    let number = number_of(mobile);
                    let (outcome, own) = match number.and_then(|number| known.get_mut(&number)) {
                        Some((outcome, own)) => (outcome.clone(), *own),
                        None => {
                            let error = "the command ended before it was asked about".to_owned();
                            (Outcome::NotAsked { outcome: "pending", error }, Exit::Unsettled)
                        }
                    };
                    shown.insert(number);
                    (mobile.digits().to_owned(), outcome, own)
                }
            };
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

/// A mobile number as the book keeps it: with its country code.
fn number_of(mobile: &Mobile) -> Option<PhoneNumber> {
    PhoneNumber::new(&format!("86{}", mobile.digits())).ok()
}

/// Keeps what was answered in the book.
async fn keep(
    single: &Single,
    claimed: &Claimed,
    answer: &Result<numcheck_qxt::PrivacyResult, CallError>,
) -> Result<(), Failure> {
    let store = |body: Vec<u8>| single.inbox.store_reply(claimed.batch_no.as_str(), Source::Privacy, body);
    let end = match answer {
        Ok(answer) => {
            store(answer.body().to_vec()).await.map_err(Failure::of)?;
            BatchEnd::Accepted { message_id: None }
        }
        Err(error) => match (error.code::<qxt::Privacy>(), error.reply()) {
            (Some(code), _) if code.class().is_about_account() => {
                BatchEnd::TurnedAway { code: Some(code.get()), message: error.to_string() }
            }
            (Some(code), Some(reply)) if code.is_about_number() => {
                store(reply.body.to_vec()).await.map_err(Failure::of)?;
                BatchEnd::Accepted { message_id: None }
            }
            (code, _) if error.may_have_happened() => BatchEnd::InDoubt {
                code: code.map(|code| code.get()),
                message: error.to_string(),
                from_reply: error.has_reply(),
            },
            (Some(code), _) => BatchEnd::Refused { code: Some(code.get()), message: error.to_string() },
            (None, _) => BatchEnd::NotSent,
        },
    };
    single.end(claimed, end).await
}

fn outcome_of(answer: Result<numcheck_qxt::PrivacyResult, CallError>) -> (Outcome, Exit) {
    match answer {
        Ok(answer) => {
            drift::tell(&answer.drift);
            let done = Outcome::Done {
                outcome: "done",
                code: 0,
                privacy: answer.is_privacy(),
                reason: answer.reason,
                status: answer.status.map(|status| status.to_string()),
                area: answer.area,
                operator: answer.operator.map(|operator| operator.to_string()),
                reused: None,
            };
            (done, Exit::Settled)
        }
        Err(error) => {
            print::complain(&error);
            drift::tell(error.drift());
            (Outcome::Unsuccessful(Unsuccessful::from(&error)), call::exit_of(&error))
        }
    }
}

/// What the book knows of a number that is not asked about.
fn known_before(fate: &RowFate) -> (Outcome, Exit) {
    let reply = fate.result.as_ref().and_then(|(_, body)| decode::<PrivacyReply<'_>>(body).ok());
    let Some(reply) = reply else {
        let error = "under way or in doubt by an earlier call: not asked about again".to_owned();
        return (Outcome::NotAsked { outcome: "in_doubt", error }, Exit::Unsettled);
    };
    let code = reply.code.get().map_or(0, |code| code.get());
    let facts = fate.result.as_ref().and_then(|(source, body)| reading::read(*source, body));
    // That nothing was found is an answer, too: the book decides.
    let is_done = facts.is_some_and(|facts| facts.outcome == numcheck_bulk::Outcome::Done);
    let result = reply.result.get();
    let status = result.and_then(|result| result.status.get());
    let done = Outcome::Done {
        outcome: if is_done { "done" } else { "failed" },
        code,
        privacy: status.and_then(|status| match status.known()? {
            qxt::KnownPrivacyStatus::Privacy => Some(true),
            qxt::KnownPrivacyStatus::NotPrivacy => Some(false),
            _ => None,
        }),
        reason: reply.reason.get().map(|text| text.as_str().to_owned()),
        status: status.map(ToString::to_string),
        area: result.and_then(|result| result.area.get()).map(|area| area.as_str().to_owned()),
        operator: result.and_then(|result| result.now_isp.get()).map(ToString::to_string),
        reused: Some(print::rfc3339(fate.received_ms.unwrap_or_default())),
    };
    (done, if is_done { Exit::Settled } else { Exit::Unsettled })
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
            Self::NotAsked { outcome, error } => write!(f, "{outcome}: {error}"),
            Self::Unsuccessful(error) => write!(f, "{}", error.outcome()),
            Self::Invalid { error, .. } => write!(f, "invalid: {error}"),
        }
    }
}

/// A mobile number as people write it: with spaces, `+86`, `0086`.
fn read_mobile(typed: &str) -> Result<Mobile, String> {
    let number = normalise(typed.as_bytes()).map_err(|reject| reject.to_string())?;
    let plus = if names_country(typed) { "+" } else { "" };
    let mobile = Mobile::from_spelling(&format!("{plus}{}", number.digits()));
    mobile.map_err(|error| format!("{error}; nothing was sent"))
}

/// The exit that says more: one number in doubt weighs more than all that are settled.
fn worse(one: Exit, other: Exit) -> Exit {
    let weight = |exit| match exit {
        Exit::Settled => 0,
        Exit::Unsettled => 1,
        Exit::Failed => 2,
        Exit::Usage => 3,
    };
    if weight(other) > weight(one) { other } else { one }
}
