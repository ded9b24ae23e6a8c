//! What a stored result says, as far as a store must know it: which number, how it ended, what it cost.
//!
//! Pure; it must not judge a result. Everything else in a result stays in its bytes, to be read again by whoever exports it.

use numcheck_protocol::number_check::{CheckResult, QueryRow, ResultPush};
use numcheck_protocol::{Currency, Drift, Field, Message, PhoneNumber, Price, decode, encode};
use serde::{Deserialize, Serialize};

use super::Source;
use crate::model::Outcome;

/// What a result says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The number, when it names one that can be a number.
    pub number: Option<PhoneNumber>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost.
    pub cost: Option<(Currency, Price)>,
    /// The region that it names, for learning prices.
    pub region: Option<String>,
    /// What in it no document lists.
    pub drift: Vec<Drift>,
}

/// Reads a result; `None` when it cannot be read at all.
pub fn read(source: Source, body: &[u8]) -> Option<Facts> {
    match source {
        Source::Push => {
            let push = decode::<ResultPush<'_>>(body).ok()?;
            Some(facts(&CheckResult::from(&push), &push))
        }
        Source::Query => {
            let row = decode::<QueryRow<'_>>(body).ok()?;
            Some(facts(&CheckResult::from(&row), &row))
        }
        Source::Answer => {
            let refused = decode::<Refused>(body).ok()?;
            let number = Some(PhoneNumber::new(&refused.number).ok()?);
            Some(Facts { number, outcome: Outcome::Refused, cost: None, region: None, drift: Vec::new() })
        }
    }
}

/// That a number was not taken, as it is stored: the number, the reason, and what the platform wrote.
#[derive(Serialize, Deserialize)]
struct Refused {
    number: String,
    reason: Option<String>,
    #[serde(default)]
    answer: serde_json::Value,
}

/// What to store for a number that the platform did not take; `answer` is what it wrote about it. Without a number that was sent it belongs
/// to nothing, and is kept aside.
pub fn not_taken(number: Option<&PhoneNumber>, reason: Option<&str>, answer: &serde_json::Value) -> Vec<u8> {
    let refused = Refused {
        number: number.map(|number| number.digits().to_owned()).unwrap_or_default(),
        reason: reason.map(str::to_owned),
        answer: answer.clone(),
    };
    encode(&refused).unwrap_or_default()
}

/// Why a number was not taken, from what was stored for it.
pub fn why_not_taken(body: &[u8]) -> Option<String> {
    decode::<Refused>(body).ok()?.reason
}

/// Whether what came `later` stands in the place of the `first` result of its number: that a number was not taken says less than a result.
pub(crate) fn replaces(later: Source, first: Source) -> bool {
    first == Source::Answer && later != Source::Answer
}

fn facts(result: &CheckResult<'_>, message: &impl Message) -> Facts {
    let mut drift = Vec::new();
    message.drift(&mut |one| drift.push(one));
    let number = |phone: &str| PhoneNumber::new(phone.trim_start_matches('+')).ok();
    Facts {
        number: result.phone.as_ref().and_then(|phone| number(phone.as_str())),
        outcome: if result.done { Outcome::Done } else { Outcome::Failed },
        cost: result.currency.zip(result.price),
        region: result.region.as_ref().map(|region| region.as_str().to_owned()),
        drift,
    }
}

/// Whether two results of a number say the same, the id aside: the platform has been seen to change its suffix.
///
/// A pushed and a fetched one have different forms: they say the same when they agree on how it ended and what it cost.
pub fn same(one: (Source, &[u8]), other: (Source, &[u8])) -> bool {
    if one.0 == other.0 { same_content(one.1, other.1) } else { same_facts(one, other) }
}

fn same_facts(one: (Source, &[u8]), other: (Source, &[u8])) -> bool {
    let (Some(one), Some(other)) = (read(one.0, one.1), read(other.0, other.1)) else { return false };
    let same_cost = match (one.cost, other.cost) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.outcome == other.outcome && same_cost
}

fn same_content(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    let without_id = |body| {
        decode::<ResultPush<'_>>(body).ok().map(|mut push| {
            push.message_id = Field::Absent;
            push.request_id = Field::Absent;
            push
        })
    };
    match (without_id(one), without_id(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}
