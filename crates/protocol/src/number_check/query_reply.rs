//! The reply to a query: a page of rows, flat, in either dialect.
//!
//! It must not conclude anything from an absence: what that proves is the caller's affair.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::count::Count;
use crate::currency::Currency;
use crate::field::{Extra, Field};
use crate::list::List;
use crate::message::message;
use crate::number_check::{Answer, AnyNumberType, CheckLevel, DialResponse, Dialect, QueryCode};
use crate::price::Price;
use crate::text::{PhoneText, Text};

/// The reply to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryReply<'a> {
    /// 0 is success, also when nothing was found; 1001 to 1005 are authentication errors.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<QueryCode>,
    /// The platform's text; with code 88 it says what was wrong. See [`QueryReply::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// The same under the name that other endpoints of the platform use.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The page; an empty object when the query failed.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub data: Field<QueryData<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryReply { code, msg, message; data });

impl QueryReply<'_> {
    /// The platform's text, under whichever name it came.
    pub fn message_text(&self) -> Option<&str> {
        self.msg.get().or(self.message.get()).map(Text::as_str)
    }

    /// Whether a list other than `result` holds items, wherever it stands: then an empty `result` does not say that nothing was found.
    pub fn has_other_items(&self) -> bool {
        let Self { code, msg, message, data, extra } = self;
        let in_data =
            |QueryData { page, page_size, total_page, total_size, result, extra }: &QueryData<'_>| {
                [page, page_size, total_page, total_size].into_iter().any(is_odd_with_items)
                    || is_odd_with_items(result)
                    || have_items(extra)
            };
        is_odd_with_items(code)
            || is_odd_with_items(msg)
            || is_odd_with_items(message)
            || is_odd_with_items(data)
            || data.get().is_some_and(in_data)
            || have_items(extra)
    }
}

/// `data` of a query's reply: a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryData<'a> {
    /// Which page it is.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub page: Field<Count>,
    /// Rows on a page.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub page_size: Field<Count>,
    /// How many pages there are; 0 when nothing was found.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub total_page: Field<Count>,
    /// How many rows there are on all pages; 0 when nothing was found.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub total_size: Field<Count>,
    /// The rows.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub result: Field<List<QueryRow<'a>>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryData { page, page_size, total_page, total_size; ; result });

/// One check, flat: the fields of every level and of both dialects stand beside each other. Texts borrow from the body.
///
/// It carries no result code. Words may be empty where one is promised, and the price may be 0: the vendor's own sample is so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryRow<'a> {
    /// The check's id, as its push carries it. See [`QueryRow::id`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message_id: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub request_id: Field<Text<'a>>,
    /// The batch number of the submit.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// The number as submitted. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// What was checked.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub check_level: Field<CheckLevel>,
    /// Whether the format is right.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub pre_check: Field<Answer>,
    /// ISO 3166 region.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub region_code: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub country: Field<Text<'a>>,
    /// Dial code, digits only.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub country_code: Field<Text<'a>>,
    /// The number in local form. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub national_number: Field<PhoneText<'a>>,
    /// The number in standard form. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub stand_number: Field<PhoneText<'a>>,
    /// Kind of number.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub number_type: Field<AnyNumberType>,
    /// Name of the carrier.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub carrier: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub operator: Field<Text<'a>>,
    /// HLR: whether the number is in use.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub validity: Field<Answer>,
    /// HLR: whether the device is on line.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub reachable: Field<Answer>,
    /// HLR: whether the device is roaming.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub roaming: Field<Answer>,
    /// Call: whether it rang.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub early: Field<Answer>,
    /// Call: whether the call was answered.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub answered: Field<Answer>,
    /// Call: what was heard.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub response: Field<DialResponse>,
    /// HLR, v2: mobile country code; leading zeros count.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub mcc: Field<Text<'a>>,
    /// HLR, v2: mobile network code; leading zeros count.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub mnc: Field<Text<'a>>,
    /// HLR, v2: whether the number was ported.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub ported: Field<Answer>,
    /// HLR, v2: whether the number is in use.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub active: Field<Answer>,
    /// Call, v2: whether it rang.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub ring: Field<Answer>,
    /// Call, v2: whether the call was answered.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub answer: Field<Answer>,
    /// What the check cost, exact.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub price: Field<Price>,
    /// In which currency.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub currency: Field<Currency>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryRow {
    message_id,
    request_id,
    batch_no,
    phone,
    check_level,
    pre_check,
    region_code,
    country,
    country_code,
    national_number,
    stand_number,
    number_type,
    carrier,
    operator,
    validity,
    reachable,
    roaming,
    early,
    answered,
    response,
    mcc,
    mnc,
    ported,
    active,
    ring,
    answer,
    price,
    currency
});

impl<'a> QueryRow<'a> {
    /// The check's id, under whichever name it came.
    pub fn id(&self) -> Option<&str> {
        self.message_id.get().or(self.request_id.get()).map(Text::as_str)
    }

    /// Which dialect the row is in, as far as it shows: the fields of the two have different names.
    pub fn dialect(&self) -> Option<Dialect> {
        let ids = Dialect::of_marks(!self.message_id.is_absent(), !self.request_id.is_absent());
        let first = !self.region_code.is_absent() || !self.carrier.is_absent();
        let second = !self.country.is_absent() || !self.operator.is_absent();
        ids.or_else(|| Dialect::of_marks(first, second))
    }

    /// Whether the row says anything about its number. A row that does not is of a check that failed or is not finished: which of
    /// the two, no document says.
    pub fn has_result(&self) -> bool {
        let text = |field: &Field<Text<'_>>| is_value(field);
        let answer = |field: &Field<Answer>| is_value(field);
        answer(&self.pre_check)
            || text(&self.region_code)
            || text(&self.country)
            || text(&self.country_code)
            || is_value(&self.national_number)
            || is_value(&self.stand_number)
            || is_value(&self.number_type)
            || text(&self.carrier)
            || text(&self.operator)
            || [&self.validity, &self.reachable, &self.roaming, &self.early, &self.answered]
                .into_iter()
                .any(answer)
            || [&self.ported, &self.active, &self.ring, &self.answer].into_iter().any(answer)
            || text(&self.mcc)
            || text(&self.mnc)
            || is_value(&self.response)
    }

    /// The same row, independent of the reply that it was read from.
    pub fn into_owned(self) -> QueryRow<'static> {
        QueryRow {
            message_id: self.message_id.map(Text::into_owned),
            request_id: self.request_id.map(Text::into_owned),
            batch_no: self.batch_no.map(Text::into_owned),
            phone: self.phone.map(PhoneText::into_owned),
            check_level: self.check_level,
            pre_check: self.pre_check,
            region_code: self.region_code.map(Text::into_owned),
            country: self.country.map(Text::into_owned),
            country_code: self.country_code.map(Text::into_owned),
            national_number: self.national_number.map(PhoneText::into_owned),
            stand_number: self.stand_number.map(PhoneText::into_owned),
            number_type: self.number_type,
            carrier: self.carrier.map(Text::into_owned),
            operator: self.operator.map(Text::into_owned),
            validity: self.validity,
            reachable: self.reachable,
            roaming: self.roaming,
            early: self.early,
            answered: self.answered,
            response: self.response,
            mcc: self.mcc.map(Text::into_owned),
            mnc: self.mnc.map(Text::into_owned),
            ported: self.ported,
            active: self.active,
            ring: self.ring,
            answer: self.answer,
            price: self.price,
            currency: self.currency,
            extra: self.extra,
        }
    }
}

fn is_odd_with_items<T>(field: &Field<T>) -> bool {
    field.odd().is_some_and(has_items)
}

fn have_items(extra: &Extra) -> bool {
    extra.iter().any(|(_, value)| has_items(value))
}

/// A reader goes no deeper than 127 levels, so neither does this.
fn has_items(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(has_items),
        _ => false,
    }
}

fn is_value<T>(field: &Field<T>) -> bool {
    field.get().is_some() || field.odd().is_some()
}
