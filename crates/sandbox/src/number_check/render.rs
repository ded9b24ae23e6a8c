//! The body of a push.
//!
//! Built from the protocol's own types, so that key order and shape are those of the documents; the unusual forms bend those same
//! types. It must not decide what a check came to.

use numcheck_protocol::number_check::{
    Answer, Basic, CallbackCode, Cost, Dial, Live, ResultData, ResultPush,
};
use numcheck_protocol::{Extra, Field, Lang, PhoneText, Text, encode};

use super::batch::Batch;
use super::bend::bend;
use super::check::{CheckResult, Network, Outcome, check};
use crate::magic::{self, Delivery, Magic, Shape};

/// Which of several pushes of one result it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The one that there should be.
    First,
    /// The same once more.
    Again,
    /// Another one that says something else.
    Differing,
}

/// A push, ready to be sent.
pub(crate) struct PushBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) code: CallbackCode,
    pub(crate) message_id: String,
    pub(crate) batch_no: std::sync::Arc<str>,
}

/// The body of the push for the number at a place.
pub(crate) fn push_body(batch: &Batch, place: u32, variant: Variant) -> PushBody {
    let phone = batch.phone(place);
    let mut outcome = check(phone, batch.level);
    if variant == Variant::Differing {
        outcome = Outcome { code: CallbackCode::NOTHING_FOUND, result: None, ..outcome };
    }
    let delivery = match magic::of(phone) {
        Some(Magic::Delivery(delivery)) => Some(delivery),
        _ => None,
    };
    let message_id = match delivery {
        Some(Delivery::ForeignMessageId) => format!("{:032x}", 0xfeed_u64),
        _ => batch.message_id(place),
    };
    let batch_no = match delivery {
        Some(Delivery::ForeignBatchNo) => "sandbox-foreign-batch".into(),
        _ => std::sync::Arc::clone(&batch.batch_no),
    };
    let mut push = ResultPush {
        message_id: Field::Known(Text::new(message_id.as_str())),
        code: Field::Known(outcome.code),
        msg: Field::Known(Text::new(text(outcome.code))),
        batch_no: Field::Known(Text::new(&*batch_no)),
        phone: Field::Known(PhoneText::new(phone)),
        data: outcome.result.as_ref().map(data).into(),
        cost: outcome.result.is_some().then(|| cost(&outcome)).into(),
        ..ResultPush::default()
    };
    let code = outcome.code;
    let bytes = match outcome.shape {
        Some(Shape::NotJson) => b"<html><body>result</body></html>".to_vec(),
        Some(shape) => {
            bend(&mut push, shape);
            encode(&push).unwrap_or_default()
        }
        None => encode(&push).unwrap_or_default(),
    };
    PushBody { bytes, code, message_id, batch_no }
}

/// The samples say `success` in English and the failure in Chinese.
fn text(code: CallbackCode) -> &'static str {
    if code == CallbackCode::SUCCESS { "success" } else { code.meaning(Lang::Zh) }
}

fn data(result: &CheckResult) -> ResultData<'_> {
    let facts = &result.facts;
    let basic = Basic {
        pre_check: Field::Known(if facts.valid { Answer::YES } else { Answer::NO }),
        region_code: Field::Known(Text::new(facts.region.as_str())),
        country_code: Field::Known(Text::new(facts.dial_code.as_str())),
        national_number: Field::Known(PhoneText::new(facts.national.as_str())),
        stand_number: Field::Known(PhoneText::new(facts.standard())),
        number_type: Field::Known(result.number_type),
        carrier: Field::Known(Text::new(result.carrier)),
        extra: Extra::default(),
    };
    let (live, dial) = match &result.network {
        Network::Nothing => (None, None),
        Network::Live { validity, reachable, roaming } => {
            let live = Live {
                validity: Field::Known(validity.clone()),
                reachable: Field::Known(reachable.clone()),
                roaming: Field::Known(roaming.clone()),
                extra: Extra::default(),
            };
            (Some(live), None)
        }
        Network::Dial { early, answered, response } => {
            let dial = Dial {
                early: Field::Known(early.clone()),
                answered: Field::Known(answered.clone()),
                response: Field::Known(response.clone()),
                extra: Extra::default(),
            };
            (None, Some(dial))
        }
    };
    ResultData { basic: Field::Known(basic), live: live.into(), dial: dial.into(), ..ResultData::default() }
}

fn cost(outcome: &Outcome) -> Cost {
    let (price, currency) = outcome.list_price;
    Cost { price: Field::Known(price), currency: Field::Known(currency), extra: Extra::default() }
}
