//! The pushed result of one number, in its four forms: basic, HLR, call, failed.
//!
//! It reads whatever comes and never cross-checks fields: the documents' own samples contradict themselves.

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::field::{Extra, Field};
use crate::message::message;
use crate::number_check::{Answer, CallbackCode, DialResponse, NumberType};
use crate::price::Price;
use crate::text::{PhoneText, Text};

/// One POST to `drUrl`: what became of one number. Texts borrow from the body.
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
    /// The check's id: the submit's, with a suffix where the batch held several numbers. At most 64 characters.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message_id: Field<Text<'a>>,
    /// 0 is success. Another table than the submit's.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<CallbackCode>,
    /// The platform's text.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// The batch number of the submit.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// The number as submitted. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// The result; absent on failure.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub data: Field<ResultData<'a>>,
    /// What the check cost; absent on failure.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub cost: Field<Cost>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(ResultPush { message_id, code, msg, batch_no, phone; data, cost });

/// `data` of a result push.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResultData<'a> {
    /// At every level.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub basic: Field<Basic<'a>>,
    /// At level HLR.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub live: Field<Live>,
    /// At level call.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub dial: Field<Dial>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(ResultData { ; basic, live, dial });

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
