//! getCode and checkCode: a verification code is sent to a phone number, and checked.
//!
//! A getCode sends a message, a check uses up a guess, and a code is a secret: nothing here may show one.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::generated::whatsapp::CodeMethod;
use crate::message::message;
use crate::phone::PhoneNumber;
use crate::secrets::VerificationCode;
use crate::strict::required;
use crate::text::{HiddenText, PhoneText};
use crate::whatsapp::WhatsAppReply;

/// `whatsapp.get_code`: POST `/api/wa/integrator/embedded/register/getCode`, signed.
///
/// It sends a message: a request whose answer was lost must not be sent again by itself. Source: the vendor's embedded register.
#[derive(Debug)]
pub enum GetCode {}

impl Endpoint for GetCode {
    const INFO: Info = crate::generated::whatsapp::GET_CODE;
    type Request<'a> = GetCodeBody<'a>;
    type Response<'a> = WhatsAppReply<'a>;
}

/// A getCode as a client builds it. Once sent, a message may be on its way: see [`GetCode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GetCodeRequest {
    /// The phone number. Personal data.
    pub phone_number: PhoneNumber,
    /// How the code is sent.
    pub method: CodeMethod,
}

impl GetCodeRequest {
    /// A code for `phone_number`, sent by `method`.
    pub fn new(phone_number: PhoneNumber, method: CodeMethod) -> Self {
        Self { phone_number, method }
    }
}

/// Reads a body strictly, as a server does before it sends anything. A method that the spec does not list is no fault of form.
///
/// # Errors
/// Names the first field that is missing or wrong. Unknown fields are no error.
impl TryFrom<GetCodeBody<'_>> for GetCodeRequest {
    type Error = ValueError;

    fn try_from(body: GetCodeBody<'_>) -> Result<Self, ValueError> {
        const METHOD: ValueError = ValueError::new("method", "must be sms or voice");
        let phone_number = PhoneNumber::new(required(&body.phone_number, "phone_number")?);
        Ok(Self {
            phone_number: phone_number.map_err(|error| error.for_field("phone_number"))?,
            method: body.method.into_inner().ok_or(METHOD)?,
        })
    }
}

/// A getCode's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetCodeBody<'a> {
    /// The phone number. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone_number: Field<PhoneText<'a>>,
    /// How the code is sent.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub method: Field<CodeMethod>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(GetCodeBody { phone_number, method });

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
            phone_number: phone_number.map_err(|error| error.for_field("phone_number"))?,
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
