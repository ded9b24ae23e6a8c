//! `numcheck privacy`: are Chinese mobile numbers privacy (virtual) numbers?
//!
//! It asks once per number, in the given order, and never again by itself: every query costs.

use std::io::BufRead;

use clap::Args;
use clap::builder::BoolishValueParser;
use futures_util::StreamExt;
use numcheck_protocol::qxt::Mobile;
use numcheck_transport::CallError;
use serde::Serialize;

use crate::call::{self, Network, Unsuccessful};
use crate::drift;
use crate::exit::{Exit, Failure};
use crate::input::normalise;
use crate::print;

/// Ask QXT whether Chinese mobile numbers are privacy (virtual) numbers. Costs money per number.
///
/// Prints one line per number, in order.
#[derive(Debug, Args)]
pub(crate) struct Privacy {
    /// The numbers: 11 digits, with or without 86 before them; `-` reads them from standard input, one a line.
    #[arg(required = true, value_name = "MOBILE")]
    mobiles: Vec<String>,
    /// Ask by GET. Then key and number stand in the URL, where proxies and servers log them.
    #[arg(long, env = "NUMCHECK_GET", hide_env_values = true, value_parser = BoolishValueParser::new())]
    get: bool,
    /// How many queries are under way at once.
    #[arg(long, env = "NUMCHECK_CONCURRENCY", hide_env_values = true, default_value_t = 8, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Print one JSON object per number.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

/// What is known about one number, for a machine.
#[derive(Serialize)]
struct Line {
    mobile: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
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
    },
    Unsuccessful(Unsuccessful),
    Invalid {
        outcome: &'static str,
        error: String,
    },
}

impl Privacy {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let client = call::qxt(&self.network, self.get)?;
        let mobiles = self.mobiles()?;
        let queries = mobiles.into_iter().map(|typed| {
            let client = &client;
            async move {
                match read_mobile(&typed) {
                    Ok(mobile) => (mobile.digits().to_owned(), Ok(client.check(mobile).await)),
                    Err(why) => (typed, Err(why)),
                }
            }
        });
        let mut answers = futures_util::stream::iter(queries).buffered(self.concurrency.into());
        let mut exit = Exit::Settled;
        while let Some((mobile, answer)) = answers.next().await {
            exit = worse(exit, self.show(mobile, answer)?);
        }
        Ok(exit)
    }

    fn mobiles(&self) -> Result<Vec<String>, Failure> {
        if self.mobiles != ["-"] {
            return Ok(self.mobiles.clone());
        }
        let lines = std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| Failure::usage("standard input cannot be read").because(error))?;
        Ok(lines.into_iter().filter(|line| !line.trim().is_empty()).collect())
    }

    fn show(
        &self,
        mobile: String,
        answer: Result<Result<numcheck_qxt::Answer, CallError>, String>,
    ) -> Result<Exit, Failure> {
        let (outcome, exit) = match answer {
            Ok(Ok(answer)) => {
                drift::tell(&answer.drift);
                let done = Outcome::Done {
                    outcome: "done",
                    code: 0,
                    privacy: answer.is_privacy(),
                    reason: answer.reason,
                    status: answer.status.map(|status| status.to_string()),
                    area: answer.area,
                    operator: answer.operator.map(|operator| operator.to_string()),
                };
                (done, Exit::Settled)
            }
            Ok(Err(error)) => {
                print::complain(&error);
                (Outcome::Unsuccessful(Unsuccessful::from(&error)), call::exit_of(&error))
            }
            Err(error) => (Outcome::Invalid { outcome: "invalid", error }, Exit::Unsettled),
        };
        if self.json {
            print::json(&Line { mobile, outcome })?;
        } else {
            print::data(&format!("{mobile}\t{outcome}"))?;
        }
        Ok(exit)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done { status, area, operator, .. } => {
                // Whatever the platform sends stays on its number's line.
                let show = |text: &Option<String>| match text {
                    Some(text) => text.replace(char::is_control, " "),
                    None => "-".to_owned(),
                };
                write!(f, "{}\t{}\t{}", show(status), show(area), show(operator))
            }
            Self::Unsuccessful(error) => write!(f, "{}", error.outcome()),
            Self::Invalid { error, .. } => write!(f, "invalid: {error}"),
        }
    }
}

/// A mobile number as people write it: with spaces, `+86`, `0086`.
fn read_mobile(typed: &str) -> Result<Mobile, String> {
    let number = normalise(typed.as_bytes()).map_err(|reject| reject.to_string())?;
    let digits = number.digits();
    let national = digits.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(digits);
    Mobile::new(national).map_err(|error| format!("{error}; nothing was sent"))
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
