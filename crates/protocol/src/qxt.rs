//! QXT (企讯通): is a Chinese mobile number a privacy (virtual) number?
//!
//! Types only. The answer is live, so nothing here may be cached by itself, and each query costs.

use core::fmt;

use alloc::string::String;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::mask;
use crate::message::message;
use crate::secrets::ApiKey;
use crate::strict::required;
use crate::text::{HiddenText, PhoneText, Text};
use crate::value::text_value;

pub use crate::generated::qxt::{KnownOperator, KnownPrivacyStatus, Operator, PrivacyStatus, QxtCode};

/// `qxt.privacy`: POST (or GET) `/ssPhone_Privacy`, with the account's key among the parameters.
///
/// Every query costs, and there is no way to ask about one that was lost: never repeat it silently. Source: QXT Phone Check
/// Interface.
#[derive(Debug)]
pub enum Privacy {}

impl Endpoint for Privacy {
    const INFO: Info = crate::generated::qxt::PRIVACY;
    type Request<'a> = PrivacyBody<'a>;
    type Response<'a> = PrivacyReply<'a>;
}

/// A Chinese mobile number as QXT wants it: 11 digits, beginning with 1, without country code. Like
/// [`PhoneNumber`](crate::PhoneNumber) it has no `Display`, and serde writes it in full. Source: codes 1, -2
/// and -3 of the QXT document, and its samples.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mobile([u8; 11]);

impl Mobile {
    /// A mobile number.
    ///
    /// # Errors
    /// When it is not 11 digits that begin with 1, a masked number included. Nothing was sent.
    pub fn new(digits: &str) -> Result<Self, ValueError> {
        if digits.contains('*') {
            return Err(ValueError::new("mobile", "is masked: pass the full number, not what logs show"));
        }
        match <[u8; 11]>::try_from(digits.as_bytes()) {
            Ok(own) if own.starts_with(b"1") && own.iter().all(u8::is_ascii_digit) => Ok(Self(own)),
            _ => Err(ValueError::new("mobile", "must be 11 digits that begin with 1, without country code")),
        }
    }

    /// The number in full. Personal data: keep it out of logs, errors and URLs.
    pub fn digits(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The number as a log may show it: at most five of its digits.
    pub fn masked(&self) -> String {
        mask::phone(self.digits())
    }
}

text_value!(Mobile, "mobile", digits);

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mobile({})", self.masked())
    }
}

/// A privacy query as a client builds it. Once sent, it costs: see [`Privacy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrivacyRequest {
    /// The account's key: a secret.
    pub apikey: ApiKey,
    /// The number. Personal data.
    pub mobile: Mobile,
}

impl PrivacyRequest {
    /// Is `mobile` a privacy number?
    pub fn new(apikey: ApiKey, mobile: Mobile) -> Self {
        Self { apikey, mobile }
    }

    /// The parameters as a form body, or as the query of a GET. Both values are letters and digits, so nothing needs escaping.
    /// The text holds the key and the number: keep it out of logs and errors.
    pub fn to_form(&self) -> String {
        alloc::format!("apikey={}&mobile={}", self.apikey.expose(), self.mobile.digits())
    }
}

/// Reads the parameters strictly, as a server does before it asks the operators.
///
/// # Errors
/// Names the first parameter that is missing or wrong. Unknown ones are no error.
impl TryFrom<PrivacyBody<'_>> for PrivacyRequest {
    type Error = ValueError;

    fn try_from(body: PrivacyBody<'_>) -> Result<Self, ValueError> {
        Ok(Self {
            apikey: ApiKey::new(required(&body.apikey, "apikey")?)?,
            mobile: Mobile::new(required(&body.mobile, "mobile")?)?,
        })
    }
}

/// The parameters of a privacy query as they stand on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrivacyBody<'a> {
    /// The account's key: a secret.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub apikey: Field<HiddenText<'a>>,
    /// The number. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub mobile: Field<PhoneText<'a>>,
    /// Parameters that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(PrivacyBody { apikey, mobile });

/// The reply to a privacy query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrivacyReply<'a> {
    /// 0 is success.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<QxtCode>,
    /// The text that goes with the code.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub reason: Field<Text<'a>>,
    /// The answer; what a failed reply holds here is not documented.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub result: Field<PrivacyResult<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(PrivacyReply { code, reason; result });

/// `result` of a privacy query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrivacyResult<'a> {
    /// The number that was asked for. Personal data.
    #[serde(rename = "Mobile", borrow, skip_serializing_if = "Field::is_absent")]
    pub mobile: Field<PhoneText<'a>>,
    /// Whether it is a privacy number.
    #[serde(rename = "Status", skip_serializing_if = "Field::is_absent")]
    pub status: Field<PrivacyStatus>,
    /// Where it is from, as province-city.
    #[serde(rename = "Area", borrow, skip_serializing_if = "Field::is_absent")]
    pub area: Field<Text<'a>>,
    /// The operator in use now.
    #[serde(rename = "Now_isp", skip_serializing_if = "Field::is_absent")]
    pub now_isp: Field<Operator>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(PrivacyResult { mobile, status, area, now_isp });
