//! How stored results of the two services are read: the only place of this crate that names their messages.

use std::fmt;
use std::sync::Arc;

use numcheck_bulk::store::Source;
use numcheck_bulk::store::reading::{Facts, ReadResults, SharedReader, is_believed};
use numcheck_bulk::{Outcome, Scope};
use numcheck_protocol::number_check::{CheckResult, GetReply, QueryRow, ResultPush};
use numcheck_protocol::qxt::{Mobile, PrivacyReply};
use numcheck_protocol::{
    Currency, Drift, DriftKind, Field, Message, Passes, PhoneNumber, Price, decode, encode, mend,
};
use numcheck_transport::quotable;

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

/// Reads results of NXCLOUD number check and of the QXT privacy check.
///
/// ```
/// use numcheck_bulk::store::Source;
/// use numcheck_bulk::store::reading::ReadResults;
/// use numcheck_bulk::{Outcome, Scope};
/// use numcheck_job::Readers;
///
/// let push = br#"{"code":0,"phone":"8613800138000","cost":{"price":0.02,"currency":"USD"}}"#;
/// let facts = Readers::default().read(Scope::NUMBER_CHECK, Source::Push, push).expect("it can be read");
/// assert_eq!((facts.outcome, facts.cost.is_some()), (Outcome::Done, true));
/// ```
#[derive(Clone, Default)]
pub struct Readers {
    secrets: Arc<[String]>,
}

impl Readers {
    /// One that shows none of these texts where it tells what no document lists: a platform may quote what it was sent. Give it the keys of the accounts
    /// whose results are entered.
    pub fn hiding(secrets: impl IntoIterator<Item = String>) -> Self {
        Self { secrets: secrets.into_iter().collect() }
    }

    fn hide(&self, drift: Drift) -> Drift {
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let hide = |text: &str| quotable(text, &secrets).into_owned();
        Drift::new(hide(&drift.place), drift.kind, drift.value.as_deref().map(hide))
    }
}

/// It shows no secret.
impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// What a store is opened with that holds results of both services.
pub fn reader() -> SharedReader {
    Arc::new(Readers::default())
}

impl ReadResults for Readers {
    fn read(&self, service: &str, source: Source, body: &[u8]) -> Option<Facts> {
        let mut facts = match service {
            Scope::NUMBER_CHECK => number_check(source, body)?,
            Scope::PRIVACY => privacy(body)?,
            _ => return None,
        };
        facts.drift = facts.drift.into_iter().map(|drift| self.hide(drift)).collect();
        Some(facts)
    }

    /// A push without the ids that the platform has been seen to change between two pushes of one result.
    fn without_ids(&self, service: &str, _: Source, body: &[u8]) -> Option<Vec<u8>> {
        if service != Scope::NUMBER_CHECK {
            return None;
        }
        read!(ResultPush, body, |mut push: ResultPush<'_>, _: Option<Drift>| {
            push.message_id = Field::Absent;
            push.request_id = Field::Absent;
            encode(&push).ok()
        })?
    }
}

/// Hands a stored result of number check to `then`; `None` when it cannot be read.
pub fn with_result<T>(source: Source, body: &[u8], then: impl FnOnce(CheckResult<'_>) -> T) -> Option<T> {
    with_message(source, body, |result, _, _| then(result))
}

/// Hands a stored reply of a privacy check to `then`, with what it cost, as far as a price was [given](crate::PrivacyService::with_price); `None` when
/// it cannot be read.
pub fn with_privacy<T>(
    body: &[u8],
    then: impl FnOnce(PrivacyReply<'_>, Option<(Currency, Price)>) -> T,
) -> Option<T> {
    with_reply(body, |reply, price, _| then(reply, price))
}

fn with_reply<T>(
    body: &[u8],
    then: impl FnOnce(PrivacyReply<'_>, Option<(Currency, Price)>, Option<Drift>) -> T,
) -> Option<T> {
    let Kept { price, reply, .. } = Kept::read(body);
    read!(PrivacyReply, reply, |reply, drift| then(reply, price, drift))
}

/// What is stored for a privacy query.
pub(crate) struct Kept<'a> {
    /// The phone number that was asked about: a refusal names none.
    pub(crate) asked: Option<PhoneNumber>,
    /// What a query costs, as far as somebody has said so: a reply tells no price.
    pub(crate) price: Option<(Currency, Price)>,
    /// The reply as it came.
    pub(crate) reply: &'a [u8],
}

const ASKED: &str = r#"{"asked":""#;
const PRICE: &str = r#"","price":""#;
const REPLY: &str = r#"","reply":"#;

impl<'a> Kept<'a> {
    /// As it is stored: the reply byte for byte, and what is known beside it before it.
    pub(crate) fn write(&self) -> Vec<u8> {
        let digits = self.asked.as_ref().map_or("", PhoneNumber::digits);
        let price =
            self.price.map_or(String::new(), |(currency, price)| format!("{PRICE}{price} {currency}"));
        [ASKED.as_bytes(), digits.as_bytes(), price.as_bytes(), REPLY.as_bytes(), self.reply, b"}"].concat()
    }

    /// Reads it. Earlier releases stored the reply alone.
    pub(crate) fn read(body: &'a [u8]) -> Self {
        Self::parts(body).unwrap_or(Self { asked: None, price: None, reply: body })
    }

    fn parts(body: &'a [u8]) -> Option<Self> {
        let rest = body.strip_prefix(ASKED.as_bytes())?.strip_suffix(b"}")?;
        let at = rest.windows(REPLY.len()).position(|part| part == REPLY.as_bytes())?;
        let (head, reply) = (std::str::from_utf8(rest.get(..at)?).ok()?, rest.get(at + REPLY.len()..)?);
        let (digits, price) = head.split_once(PRICE).unzip();
        let price = price.and_then(|price| {
            let (price, currency) = price.split_once(' ')?;
            Some((Currency::new(currency).ok()?, price.parse().ok()?))
        });
        Some(Self { asked: Some(PhoneNumber::new(digits.unwrap_or(head)).ok()?), price, reply })
    }
}

fn with_message<T>(
    source: Source,
    body: &[u8],
    then: impl FnOnce(CheckResult<'_>, &dyn Message, Option<Drift>) -> T,
) -> Option<T> {
    match source {
        Source::Push => read!(ResultPush, body, |push, drift| then(CheckResult::from(&push), &push, drift)),
        Source::Query => read!(QueryRow, body, |row, drift| then(CheckResult::from(&row), &row, drift)),
        Source::Reply => read!(GetReply, body, |reply, drift| then(CheckResult::from(&reply), &reply, drift)),
        Source::Answer => None,
    }
}

fn number_check(source: Source, body: &[u8]) -> Option<Facts> {
    with_message(source, body, |result, message, mended| {
        let mut drift = drift_of(message);
        drift.extend(mended);
        let currency = result.currency.as_ref().and_then(|text| Currency::new(text.as_str()).ok());
        let cost = currency.zip(result.price);
        if cost.is_some_and(|(_, price)| !is_believed(price)) {
            drift.push(Drift::new("Cost.price", DriftKind::NewValue, None));
        }
        let mut facts = Facts::new(match &result.code {
            _ if result.done => Outcome::Done,
            // A code in a reply is another table's.
            Some(code) if source != Source::Reply && code.passes() == Passes::Yes => Outcome::Passing,
            _ => Outcome::Failed,
        });
        facts.number =
            result.phone.as_ref().and_then(|phone| PhoneNumber::from_spelling(phone.as_str()).ok());
        facts.cost = cost.filter(|(_, price)| is_believed(*price));
        facts.region = result.region.as_ref().map(|region| region.as_str().to_owned());
        facts.drift = drift;
        facts
    })
}

/// A reply that settles nothing (a refusal of the account, a code that no document lists, a reply about another phone number than the one that
/// was asked about) is no result, and is quarantined.
fn privacy(body: &[u8]) -> Option<Facts> {
    let Kept { asked, .. } = Kept::read(body);
    with_reply(body, |reply, price, mended| {
        let code = reply.code.get()?;
        let outcome = match code {
            // That nothing was found out is an answer, and was paid for.
            code if code.is_answer() => Outcome::Done,
            code if !code.is_about_number() => return None,
            code if code.passes() == Passes::Yes => Outcome::Passing,
            _ => Outcome::Failed,
        };
        let named = reply.result.get().and_then(|result| result.mobile.text());
        let mobile = asked.as_ref().and_then(|asked| Mobile::from_number(asked).ok());
        if mobile.zip(named).is_some_and(|(mobile, named)| mobile.is_contradicted_by(&named)) {
            return None;
        }
        let mut facts = Facts::new(outcome);
        facts.number = asked;
        facts.cost = price.filter(|(_, price)| outcome == Outcome::Done && is_believed(*price));
        facts.drift = drift_of(&reply);
        facts.drift.extend(mended);
        Some(facts)
    })?
}

fn drift_of(message: &dyn Message) -> Vec<Drift> {
    let mut drift = Vec::new();
    message.drift(&mut |one| drift.push(one));
    drift
}
