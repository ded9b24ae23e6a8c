//! The vendors' messages that results are stored as. The only place of this crate that names them.

use numcheck_protocol::number_check::{CheckResult, GetReply, QueryRow, ResultPush};
use numcheck_protocol::qxt::PrivacyReply;
use numcheck_protocol::{
    Class, Currency, Drift, DriftKind, Field, Message, Passes, PhoneNumber, decode, mend,
};

use super::facts::{Facts, is_believed};
use super::values::Source;
use crate::model::Outcome;

/// Hands a stored result of number check to `then`; `None` when it is of another service, or cannot be read.
pub fn with_result<T>(source: Source, body: &[u8], then: impl FnOnce(CheckResult<'_>) -> T) -> Option<T> {
    with_message(source, body, |result, _, _| then(result))
}

/// Reads a body as a message of this type, mended where it cannot be read otherwise, and hands it to `$then` with the drift of the latter: one
/// odd value must not cost a result that was paid for.
macro_rules! read {
    ($Message:ident, $body:expr, $then:expr) => {
        match decode::<$Message<'_>>($body) {
            Ok(message) => Some($then(message, None)),
            Err(_) => mend($body).and_then(|mended| {
                let message = decode::<$Message<'_>>(&mended).ok()?;
                Some($then(message, Some(Drift::new(stringify!($Message), DriftKind::OddShape, None))))
            }),
        }
    };
}

fn with_message<T>(
    source: Source,
    body: &[u8],
    then: impl FnOnce(CheckResult<'_>, &dyn Message, Option<Drift>) -> T,
) -> Option<T> {
    match source {
        Source::Push => read!(ResultPush, body, |push, drift| then(CheckResult::from(&push), &push, drift)),
        Source::Query => read!(QueryRow, body, |row, drift| then(CheckResult::from(&row), &row, drift)),
        Source::Get => read!(GetReply, body, |reply, drift| then(CheckResult::from(&reply), &reply, drift)),
        Source::Answer | Source::Privacy => None,
    }
}

/// What a result of number check says.
pub(super) fn number_check(source: Source, body: &[u8]) -> Option<Facts> {
    with_message(source, body, |result, message, mended| {
        let mut drift = drift_of(message);
        drift.extend(mended);
        let currency = result.currency.as_ref().and_then(|text| Currency::new(text.as_str()).ok());
        let cost = currency.zip(result.price);
        if cost.is_some_and(|(_, price)| !is_believed(price)) {
            drift.push(Drift::new("Cost.price", DriftKind::NewValue, None));
        }
        let outcome = match &result.code {
            _ if result.done => Outcome::Done,
            // A code in a reply is another table's.
            Some(code) if source != Source::Get && code.passes() == Passes::Yes => Outcome::Passing,
            _ => Outcome::Failed,
        };
        Facts {
            number: result.phone.as_ref().and_then(|phone| PhoneNumber::from_spelling(phone.as_str()).ok()),
            outcome,
            cost: cost.filter(|(_, price)| is_believed(*price)),
            region: result.region.as_ref().map(|region| region.as_str().to_owned()),
            drift,
        }
    })
}

/// What a reply about privacy says. It is about one phone number, which its batch holds, and tells no price.
pub(super) fn privacy(body: &[u8]) -> Option<Facts> {
    read!(PrivacyReply, body, |reply: PrivacyReply<'_>, mended| {
        let outcome = match reply.code.get() {
            // Nothing was found out about it, which is an answer and was paid for.
            Some(code) if matches!(code.class(), Class::Success | Class::NoResult) => Outcome::Done,
            Some(code) if code.passes() == Passes::Yes => Outcome::Passing,
            _ => Outcome::Failed,
        };
        let mut drift = drift_of(&reply);
        drift.extend(mended);
        Facts { number: None, outcome, cost: None, region: None, drift }
    })
}

fn drift_of(message: &dyn Message) -> Vec<Drift> {
    let mut drift = Vec::new();
    message.drift(&mut |one| drift.push(one));
    drift
}

/// A push without the ids that the platform has been seen to change between two pushes of one result.
pub(super) fn without_ids(body: &[u8]) -> Option<ResultPush<'_>> {
    let mut push = decode::<ResultPush<'_>>(body).ok()?;
    push.message_id = Field::Absent;
    push.request_id = Field::Absent;
    Some(push)
}
