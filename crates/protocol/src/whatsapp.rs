//! NXCLOUD WhatsApp: is a verification code right?
//!
//! Types only. A check uses up a guess and a code is a secret: nothing here shows one.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::message::message;
use crate::phone::PhoneNumber;
use crate::secrets::VerificationCode;
use crate::strict::required;
use crate::text::{HiddenText, Json, PhoneText, Text};

pub use crate::generated::whatsapp::WhatsAppCode;

/// `whatsapp.check_code`: POST `/api/wa/integrator/embedded/register/checkCode`, signed.
///
/// It uses up a guess: a request whose answer was lost must not be sent again by itself. Source: "WhatsApp API checkCode".
#[derive(Debug)]
pub enum CheckCode {}

impl Endpoint for CheckCode {
    const INFO: Info = crate::generated::whatsapp::CHECK_CODE;
    type Request<'a> = CheckCodeBody<'a>;
    type Response<'a> = WhatsAppReply<'a>;
}

/// A checkCode as a client builds it. Once sent, it uses up a guess: see [`CheckCode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckCodeRequest {
    /// The phone number. Personal data.
    pub phone_number: PhoneNumber,
    /// The code that its owner was sent.
    pub code: VerificationCode,
}

impl CheckCodeRequest {
    /// Is `code` the one that WhatsApp sent to `phone_number`?
    pub fn new(phone_number: PhoneNumber, code: VerificationCode) -> Self {
        Self { phone_number, code }
    }
}

/// Reads a body strictly, as a server does before it uses up a guess.
///
/// # Errors
/// Names the first field that is missing or wrong. Unknown fields are no error.
impl TryFrom<CheckCodeBody<'_>> for CheckCodeRequest {
    type Error = ValueError;

    fn try_from(body: CheckCodeBody<'_>) -> Result<Self, ValueError> {
        let phone_number = PhoneNumber::new(required(&body.phone_number, "phone_number")?);
        Ok(Self {
            phone_number: phone_number.map_err(|error| error.of("phone_number"))?,
            code: VerificationCode::new(required(&body.code, "code")?)?,
        })
    }
}

/// A checkCode's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckCodeBody<'a> {
    /// The phone number. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone_number: Field<PhoneText<'a>>,
    /// The verification code: a secret.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub code: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(CheckCodeBody { phone_number, code });

/// The reply of the embedded register family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhatsAppReply<'a> {
    /// 0 is success; 1001 to 1005 are authentication errors.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<WhatsAppCode>,
    /// An object, an empty object, an array, null or absent.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub data: Field<Json>,
    /// The platform's text. See [`WhatsAppReply::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The same under the name that number check uses.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(WhatsAppReply { code, data, message, msg });

impl WhatsAppReply<'_> {
    /// The platform's text, under whichever name it came.
    pub fn message_text(&self) -> Option<&str> {
        self.message.get().or(self.msg.get()).map(Text::as_str)
    }
}
