//! One result for those who do not care how it came: by push, by query or at once, in v1 or in v2.
//!
//! It must not be written to the wire or stored in place of what came: it is a view, and the message that it was made from stays the
//! truth.

use serde_json::Value;

use crate::currency::Currency;
use crate::field::{Field, FromWire, single};
use crate::number_check::{
    Answer, AnyNumberType, CallbackCode, CheckLevel, Cost, DialResponse, Dialect, GetOutcome, GetReply,
    NumberType, NumberTypeWord, QueryRow, ResultPush,
};
use crate::price::Price;
use crate::text::{PhoneText, Text};

/// What became of one number, whichever way and in whichever dialect it came.
///
/// Known words stand in their documented spelling, unknown ones as they came. A value of another type than documented is given as its
/// text where it is a single value, and left out where it is not; the message that this was made from still holds it. Texts borrow from it.
///
/// ```
/// use numcheck_protocol::number_check::{Answer, CheckResult, ResultPush};
///
/// let v1 = br#"{"code":0,"messageId":"a-1","data":{"basic":{"regionCode":"HK"},"dial":{"early":"YES"}}}"#;
/// let v2 = br#"{"code":0,"requestId":"a-1","data":{"country":"HK","ring":"yes"}}"#;
/// for body in [&v1[..], v2] {
///     let push: ResultPush = numcheck_protocol::decode(body)?;
///     let result = CheckResult::from(&push);
///     assert!(result.done);
///     assert_eq!(result.region.as_ref().map(|text| text.as_str()), Some("HK"));
///     assert_eq!(result.ring, Some(Answer::YES));
/// }
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult<'a> {
    /// Whether the check was carried out: code 0, or, for a row of a query, which has no code, that it says something about its number.
    pub done: bool,
    /// The platform's code; a row of a query has none.
    pub code: Option<CallbackCode>,
    /// The platform's text; with an instant check of a bad number, its reason.
    pub text: Option<Text<'a>>,
    /// The check's id.
    pub id: Option<Text<'a>>,
    /// The batch number of the submit.
    pub batch_no: Option<Text<'a>>,
    /// The number as submitted. Personal data.
    pub phone: Option<PhoneText<'a>>,
    /// What was checked; only a row of a query says it.
    pub level: Option<CheckLevel>,
    /// Whether the format is right (`preCheck`). Only in v1.
    pub format: Option<Answer>,
    /// ISO 3166 region.
    pub region: Option<Text<'a>>,
    /// Dial code, digits only. Only in v1.
    pub dial_code: Option<Text<'a>>,
    /// The number in local form. Only in v1. Personal data.
    pub national: Option<PhoneText<'a>>,
    /// The number in standard form. Only in v1. Personal data.
    pub standard: Option<PhoneText<'a>>,
    /// Kind of number.
    pub number_type: Option<AnyNumberType>,
    /// Name of the carrier.
    pub carrier: Option<Text<'a>>,
    /// HLR: whether the number is in use (`validity`, `active`).
    pub validity: Option<Answer>,
    /// HLR: whether the device is on line. Only in v1.
    pub reachable: Option<Answer>,
    /// HLR: whether the device is roaming. Only in v1.
    pub roaming: Option<Answer>,
    /// HLR: whether the number was ported to another carrier. Only in v2.
    pub ported: Option<Answer>,
    /// HLR: mobile country code; leading zeros count. Only in v2.
    pub mcc: Option<Text<'a>>,
    /// HLR: mobile network code; leading zeros count. Only in v2.
    pub mnc: Option<Text<'a>>,
    /// Call: whether it rang.
    pub ring: Option<Answer>,
    /// Call: whether the call was answered.
    pub answered: Option<Answer>,
    /// Call: what was heard.
    pub response: Option<DialResponse>,
    /// What the check cost, exact. In v2 a failed check may carry one, too.
    pub price: Option<Price>,
    /// In which currency.
    pub currency: Option<Currency>,
    /// The dialect, as far as the message shows it.
    pub dialect: Option<Dialect>,
}

impl<'a> From<&'a ResultPush<'_>> for CheckResult<'a> {
    fn from(push: &'a ResultPush<'_>) -> Self {
        let data = push.data.get();
        let basic = data.and_then(|data| data.basic.get());
        let live = data.and_then(|data| data.live.get());
        let dial = data.and_then(|data| data.dial.get());
        let result = Self {
            done: push.code.get().is_some_and(|code| code.is_success()),
            code: push.code.get().copied(),
            text: text(&push.msg).or_else(|| text(&push.message)),
            id: text(&push.message_id).or_else(|| text(&push.request_id)),
            batch_no: text(&push.batch_no),
            phone: phone(&push.phone),
            format: basic.and_then(|basic| answer(&basic.pre_check)),
            region: basic
                .and_then(|basic| text(&basic.region_code))
                .or_else(|| data.and_then(|data| text(&data.country))),
            dial_code: basic.and_then(|basic| text(&basic.country_code)),
            national: basic.and_then(|basic| phone(&basic.national_number)),
            standard: basic.and_then(|basic| phone(&basic.stand_number)),
            number_type: basic
                .and_then(|basic| kind_as_number(&basic.number_type))
                .or_else(|| data.and_then(|data| kind_as_word(&data.number_type))),
            carrier: basic
                .and_then(|basic| text(&basic.carrier))
                .or_else(|| data.and_then(|data| text(&data.operator))),
            validity: live
                .and_then(|live| answer(&live.validity))
                .or_else(|| data.and_then(|data| answer(&data.active))),
            reachable: live.and_then(|live| answer(&live.reachable)),
            roaming: live.and_then(|live| answer(&live.roaming)),
            ported: data.and_then(|data| answer(&data.ported)),
            mcc: data.and_then(|data| text(&data.mcc)),
            mnc: data.and_then(|data| text(&data.mnc)),
            ring: dial
                .and_then(|dial| answer(&dial.early))
                .or_else(|| data.and_then(|data| answer(&data.ring))),
            answered: dial
                .and_then(|dial| answer(&dial.answered))
                .or_else(|| data.and_then(|data| answer(&data.answer))),
            response: dial
                .and_then(|dial| response(&dial.response))
                .or_else(|| data.and_then(|data| response(&data.response)))
                .or_else(|| data.and_then(|data| response(&data.response_status))),
            dialect: push.dialect(),
            ..Self::default()
        };
        result.with_cost(push.cost.get())
    }
}

impl<'a> From<&'a QueryRow<'_>> for CheckResult<'a> {
    fn from(row: &'a QueryRow<'_>) -> Self {
        Self {
            done: row.has_result(),
            id: text(&row.message_id).or_else(|| text(&row.request_id)),
            batch_no: text(&row.batch_no),
            phone: phone(&row.phone),
            level: row.check_level.get().copied(),
            format: answer(&row.pre_check),
            region: text(&row.region_code).or_else(|| text(&row.country)),
            dial_code: text(&row.country_code),
            national: phone(&row.national_number),
            standard: phone(&row.stand_number),
            number_type: row.number_type.get().cloned(),
            carrier: text(&row.carrier).or_else(|| text(&row.operator)),
            validity: answer(&row.validity).or_else(|| answer(&row.active)),
            reachable: answer(&row.reachable),
            roaming: answer(&row.roaming),
            ported: answer(&row.ported),
            mcc: text(&row.mcc),
            mnc: text(&row.mnc),
            ring: answer(&row.early).or_else(|| answer(&row.ring)),
            answered: answer(&row.answered).or_else(|| answer(&row.answer)),
            response: response(&row.response),
            price: row.price.get().copied(),
            currency: row.currency.get().copied(),
            dialect: row.dialect(),
            ..Self::default()
        }
    }
}

/// The code of an instant check's reply is of the submit's table, so it does not stand here: what was refused has no result.
impl<'a> From<&'a GetReply<'_>> for CheckResult<'a> {
    fn from(reply: &'a GetReply<'_>) -> Self {
        let data = reply.data.get();
        let basic = data.and_then(|data| data.basic.get());
        let result = Self {
            done: reply.outcome() == GetOutcome::Checked,
            text: reply.fail_reason(),
            id: data.and_then(|data| text(&data.request_id)),
            batch_no: data.and_then(|data| text(&data.batch_no)),
            phone: basic.and_then(|basic| phone(&basic.phone)),
            region: basic.and_then(|basic| text(&basic.country)),
            number_type: basic.and_then(|basic| kind_as_word(&basic.number_type)),
            carrier: basic.and_then(|basic| text(&basic.operator)),
            dialect: Some(Dialect::V2),
            ..Self::default()
        };
        result.with_cost(data.and_then(|data| data.cost.get()))
    }
}

impl CheckResult<'_> {
    fn with_cost(mut self, cost: Option<&Cost>) -> Self {
        self.price = cost.and_then(|cost| cost.price.get().copied());
        self.currency = cost.and_then(|cost| cost.currency.get().copied());
        self
    }
}

pub(super) fn text<'a>(field: &'a Field<Text<'_>>) -> Option<Text<'a>> {
    field.text().or_else(|| single(field.odd()?)).map(Text::new)
}

fn phone<'a>(field: &'a Field<PhoneText<'_>>) -> Option<PhoneText<'a>> {
    field.text().or_else(|| single(field.odd()?)).map(PhoneText::new)
}

fn answer(field: &Field<Answer>) -> Option<Answer> {
    match field.get() {
        Some(word) => Some(word.known().map_or_else(|| word.clone(), Answer::from)),
        None => single(field.odd()?).map(|text| Answer::new(&text)),
    }
}

fn response(field: &Field<DialResponse>) -> Option<DialResponse> {
    match field.get() {
        Some(word) => Some(word.known().map_or_else(|| word.clone(), DialResponse::from)),
        None => single(field.odd()?).map(|text| DialResponse::new(&text)),
    }
}

fn kind_as_number(field: &Field<NumberType>) -> Option<AnyNumberType> {
    match field.get() {
        Some(number) => Some(AnyNumberType::Number(*number)),
        None => kind(field.odd()?),
    }
}

fn kind_as_word(field: &Field<NumberTypeWord>) -> Option<AnyNumberType> {
    match field.get() {
        Some(word) => {
            Some(AnyNumberType::Word(word.known().map_or_else(|| word.clone(), NumberTypeWord::from)))
        }
        None => kind(field.odd()?),
    }
}

/// A kind where the other dialect's was expected.
fn kind(value: &Value) -> Option<AnyNumberType> {
    match value {
        Value::Number(number) => AnyNumberType::from_number(number),
        _ => None,
    }
    .or_else(|| Some(AnyNumberType::Word(NumberTypeWord::new(&single(value)?))))
}
