//! The vendors' messages that results are stored as. The only place of this crate that names them.

use numcheck_protocol::number_check::{CheckResult, GetReply, QueryRow, ResultPush};
use numcheck_protocol::qxt::PrivacyReply;
use numcheck_protocol::{Class, Currency, Drift, DriftKind, Field, Message, Passes, PhoneNumber, decode};

use super::facts::{Facts, is_believed};
use super::values::Source;
use crate::model::Outcome;

/// Hands a stored result of number check to `then`; `None` when it is of another service, or cannot be read.
pub fn with_result<T>(source: Source, body: &[u8], then: impl FnOnce(CheckResult<'_>) -> T) -> Option<T> {
    with_message(source, body, |result, _| then(result))
}

fn with_message<T>(
    source: Source,
    body: &[u8],
    then: impl FnOnce(CheckResult<'_>, &dyn Message) -> T,
) -> Option<T> {
    match source {
        Source::Push => {
            let push = decode::<ResultPush<'_>>(body).ok()?;
            Some(then(CheckResult::from(&push), &push))
        }
        Source::Query => {
            let row = decode::<QueryRow<'_>>(body).ok()?;
            Some(then(CheckResult::from(&row), &row))
        }
        Source::Get => {
            let reply = decode::<GetReply<'_>>(body).ok()?;
            Some(then(CheckResult::from(&reply), &reply))
        }
        Source::Answer | Source::Privacy => None,
    }
}

/// What a result of number check says.
pub(super) fn number_check(source: Source, body: &[u8]) -> Option<Facts> {
    with_message(source, body, |result, message| {
        let mut drift = drift_of(message);
        let number = |phone: &str| PhoneNumber::new(phone.trim_start_matches('+')).ok();
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
            number: result.phone.as_ref().and_then(|phone| number(phone.as_str())),
            outcome,
            cost: cost.filter(|(_, price)| is_believed(*price)),
            region: result.region.as_ref().map(|region| region.as_str().to_owned()),
            drift,
        }
    })
}

/// What a reply about privacy says. It is about one phone number, which its batch holds, and tells no price.
pub(super) fn privacy(body: &[u8]) -> Option<Facts> {
    let reply = decode::<PrivacyReply<'_>>(body).ok()?;
    let outcome = match reply.code.get() {
        // Nothing was found out about it, which is an answer and was paid for.
        Some(code) if matches!(code.class(), Class::Success | Class::NoResult) => Outcome::Done,
        Some(code) if code.passes() == Passes::Yes => Outcome::Passing,
        _ => Outcome::Failed,
    };
    Some(Facts { number: None, outcome, cost: None, region: None, drift: drift_of(&reply) })
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
