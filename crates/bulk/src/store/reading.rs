//! Reads stored results as far as a store must know them, and tells whether two of them say the same.
//!
//! Everything else in a result stays in its bytes, to be read again by whoever exports it.

use numcheck_protocol::{PhoneNumber, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::messages::{self, without_ids};
use super::values::Source;
use crate::model::Outcome;

pub use super::facts::{Facts, is_believed};

/// Reads a result; `None` when it cannot be read at all.
pub fn read(source: Source, body: &[u8]) -> Option<Facts> {
    match source {
        Source::Push | Source::Query | Source::Get => messages::number_check(source, body),
        Source::Privacy => messages::privacy(body),
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
/// to nothing, and is quarantined.
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

/// Whether a body shows a phone number: its digits, with no further digit beside them.
pub fn shows(body: &[u8], number: &PhoneNumber) -> bool {
    let digits = number.digits().as_bytes();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let is_it = |(at, part): (usize, &[u8])| {
        let before = at.checked_sub(1).and_then(|at| body.get(at));
        part == digits && !is_digit(before) && !is_digit(body.get(at + digits.len()))
    };
    body.windows(digits.len()).enumerate().any(is_it)
}

/// Whether what came `later` stands in the place of the `first` result of its number: that a number was not taken says less than a result.
pub(crate) fn replaces(later: Source, first: Source) -> bool {
    first == Source::Answer && later != Source::Answer
}

/// Set in the first byte of a hash: the result is the charge of a second sending.
pub(crate) const CHARGED: u8 = 0x80;

/// What a result says, in 16 bytes, of which the first is below 128; of a second result of a phone number the id aside.
pub(crate) fn hash(source: Source, body: &[u8], without_id: bool) -> [u8; 16] {
    let canonical = match (without_id, source) {
        (true, Source::Push) => without_ids(body).and_then(|push| encode(&push).ok()),
        _ => None,
    };
    let digest = Sha256::digest(canonical.as_deref().unwrap_or(body));
    let mut hash = [0; 16];
    hash.iter_mut().zip(digest).for_each(|(to, byte)| *to = byte);
    let [first, ..] = &mut hash;
    *first &= !CHARGED;
    hash
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
    match (without_ids(one), without_ids(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}
