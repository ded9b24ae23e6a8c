//! Reads stored results as far as the engine must know them, and tells whether two of them say the same.
//!
//! Everything else in a result stays in its bytes, to be read again by whoever exports it.

use std::fmt;
use std::sync::Arc;

use numcheck_protocol::{PhoneNumber, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::values::Source;
use crate::model::Outcome;

pub use super::facts::{Facts, is_believed};

/// Reads what services have written. A store is opened with one that knows every service whose results it may hold.
///
/// It is pure: the same bytes mean the same at any time, because results are judged when they are entered, and read again afterwards.
pub trait ReadResults: Send + Sync + 'static {
    /// What a result of a service ([`Scope::service`](crate::Scope::service)) says; `None` when it cannot be read at all: then it is
    /// quarantined. Never asked for [`Source::Answer`].
    fn read(&self, service: &str, source: Source, body: &[u8]) -> Option<Facts>;

    /// A result without what the service may change between two tellings of it, such as an id; `None` when it has nothing of the kind.
    fn without_ids(&self, service: &str, source: Source, body: &[u8]) -> Option<Vec<u8>> {
        let _ = (service, source, body);
        None
    }
}

impl fmt::Debug for dyn ReadResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadResults")
    }
}

/// A reader that several stores, threads and connections share.
pub type SharedReader = Arc<dyn ReadResults>;

/// Reads a result; `None` when it cannot be read at all.
pub fn read(reader: &dyn ReadResults, service: &str, source: Source, body: &[u8]) -> Option<Facts> {
    if source != Source::Answer {
        return reader.read(service, source, body);
    }
    let refused = decode::<Refused>(body).ok()?;
    Some(Facts { number: Some(PhoneNumber::new(&refused.number).ok()?), ..Facts::new(Outcome::Refused) })
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
pub(crate) fn hash(
    reader: &dyn ReadResults,
    service: &str,
    (source, body): (Source, &[u8]),
    without_id: bool,
) -> [u8; 16] {
    let canonical = match (without_id, source) {
        (true, Source::Push) => reader.without_ids(service, source, body),
        _ => None,
    };
    let digest = Sha256::digest(canonical.as_deref().unwrap_or(body));
    let mut hash = [0; 16];
    hash.iter_mut().zip(digest).for_each(|(to, byte)| *to = byte);
    let [first, ..] = &mut hash;
    *first &= !CHARGED;
    hash
}

/// Whether two results of a number say the same, the id aside: a platform has been seen to change its suffix.
///
/// A pushed and a fetched one have different forms: they say the same when they agree on how it ended and what it cost.
pub fn same(reader: &dyn ReadResults, service: &str, one: (Source, &[u8]), other: (Source, &[u8])) -> bool {
    if one.0 != other.0 {
        return same_facts(reader, service, one, other);
    }
    let without_ids = |(source, body)| reader.without_ids(service, source, body);
    one.1 == other.1 || without_ids(one).is_some_and(|one| Some(one) == without_ids(other))
}

fn same_facts(reader: &dyn ReadResults, service: &str, one: (Source, &[u8]), other: (Source, &[u8])) -> bool {
    let read = |(source, body)| read(reader, service, source, body);
    let (Some(one), Some(other)) = (read(one), read(other)) else { return false };
    let same_cost = match (one.cost, other.cost) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.outcome == other.outcome && same_cost
}
