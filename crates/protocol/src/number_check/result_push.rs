//! The pushed result of one number, in its four forms: basic, HLR, call, failed; nested in v1, flat in v2.
//!
//! It reads whatever comes and never cross-checks fields: the documents' own samples contradict themselves.

use alloc::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::field::{Extra, Field};
use crate::message::message;
use crate::number_check::{Answer, CallbackCode, DialResponse, Dialect, NumberType, NumberTypeWord};
use crate::price::Price;
use crate::text::{PhoneText, Text};

/// One POST to `drUrl`: what became of one number. Texts borrow from the body.
///
/// The fields of both dialects stand beside each other, and a push has those of its own. For one form of both there is
/// [`CheckResult`](crate::number_check::CheckResult).
///
/// The platform comes back every minute for 60 minutes until it is answered with exactly 200, so repeats are ordinary.
/// Source: 检测结果推送.
///
/// ```
/// use numcheck_protocol::number_check::{CallbackCode, ResultPush};
///
/// let body = r#"{"messageId":"cc5ef7d6","code":114,"msg":"号码格式有误","batchNo":"700337042751","phone":"18617"}"#;
/// let push: ResultPush = numcheck_protocol::decode(body.as_bytes())?;
/// assert_eq!(push.code.get(), Some(&CallbackCode::BAD_NUMBER));
/// assert!(push.cost.is_absent());
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResultPush<'a> {
    /// v1. The check's id: the submit's, with a suffix where the batch held several numbers. At most 64 characters. See
    /// [`ResultPush::id`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message_id: Field<Text<'a>>,
    /// v2. The same.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub request_id: Field<Text<'a>>,
    /// 0 is success. Another table than the submit's.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<CallbackCode>,
    /// v1. The platform's text. See [`ResultPush::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// v2. The same.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The batch number of the submit.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// The number as submitted. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// The result; on failure absent in v1, null in v2.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub data: Field<ResultData<'a>>,
    /// What the check cost; on failure absent in v1, present in v2.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub cost: Field<Cost>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(ResultPush { message_id, request_id, code, msg, message, batch_no, phone; data, cost });

impl ResultPush<'_> {
    /// The check's id, under whichever name it came.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.message_id.text().or_else(|| self.request_id.text())
    }

    /// The platform's text, under whichever name it came.
    pub fn message_text(&self) -> Option<&str> {
        self.msg.get().or(self.message.get()).map(Text::as_str)
    }

    /// Which dialect the push is in, as far as it shows.
    pub fn dialect(&self) -> Option<Dialect> {
        let ids = Dialect::of_marks(!self.message_id.is_absent(), !self.request_id.is_absent());
        ids.or_else(|| Dialect::of_marks(!self.msg.is_absent(), !self.message.is_absent()))
    }
}

/// `data` of a result push: nested in v1, flat in v2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResultData<'a> {
    /// v1, at every level.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub basic: Field<Basic<'a>>,
    /// v1, at level HLR.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub live: Field<Live>,
    /// v1, at level call.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub dial: Field<Dial>,
    /// v2. Kind of number.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub number_type: Field<NumberTypeWord>,
    /// v2. Name of the carrier.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub operator: Field<Text<'a>>,
    /// v2. ISO 3166 region.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub country: Field<Text<'a>>,
    /// v2, at level HLR: mobile country code; leading zeros count.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub mcc: Field<Text<'a>>,
    /// v2, at level HLR: mobile network code; leading zeros count.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub mnc: Field<Text<'a>>,
    /// v2, at level HLR: whether the number was ported to another carrier.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub ported: Field<Answer>,
    /// v2, at level HLR: whether the number is in use.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub active: Field<Answer>,
    /// v2, at level call: whether it rang.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub ring: Field<Answer>,
    /// v2, at level call: whether the call was answered.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub answer: Field<Answer>,
    /// v2, at level call: what was heard.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub response: Field<DialResponse>,
    /// v2, for some days in 2023: what was heard.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub response_status: Field<DialResponse>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(ResultData {
    number_type,
    operator,
    country,
    mcc,
    mnc,
    ported,
    active,
    ring,
    answer,
    response,
    response_status; basic, live, dial
});

/// What metadata says about a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Basic<'a> {
    /// Whether the format is right.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub pre_check: Field<Answer>,
    /// ISO 3166 region.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub region_code: Field<Text<'a>>,
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
    pub number_type: Field<NumberType>,
    /// Name of the carrier.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub carrier: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(Basic { pre_check, region_code, country_code, national_number, stand_number, number_type, carrier });

/// What the network says about a number (HLR).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Live {
    /// Whether the number is in use.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub validity: Field<Answer>,
    /// Whether the device is on line.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub reachable: Field<Answer>,
    /// Whether the device is roaming.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub roaming: Field<Answer>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(owned Live { validity, reachable, roaming });

/// What a call to the number met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dial {
    /// Whether it rang.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub early: Field<Answer>,
    /// Whether the call was answered.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub answered: Field<Answer>,
    /// What was heard.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub response: Field<DialResponse>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(owned Dial { early, answered, response });

/// What a check cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// The amount, exact.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub price: Field<Price>,
    /// Its currency.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub currency: Field<Currency>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(owned Cost { price, currency });
