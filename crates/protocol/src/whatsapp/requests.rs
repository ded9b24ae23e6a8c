//! What a client builds: createApp, phoneList, getCode, checkCode, createClient. A login has no body.
//!
//! Verification codes, application keys and URLs are secrets: no `Debug` shows one.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use serde::Serialize;

use crate::callback_url::CallbackUrl;
use crate::endpoint::Request;
use crate::error::ValueError;
use crate::phone::PhoneNumber;
use crate::secrets::{AppKey, VerificationCode};
use crate::strict::required;
use crate::whatsapp::{
    CheckCodeBody, CodeMethod, CreateAppBody, CreateClientBody, GetCodeBody, PhoneListBody,
};

/// The name of an application: 1 to 128 characters, none of them a control character, no white space around it. The document states
/// no form (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppName(Box<str>);

impl AppName {
    /// The most characters.
    pub const MAX_CHARS: usize = 128;

    /// A name.
    ///
    /// # Errors
    /// When it is not of the form above. Nothing was sent.
    pub fn new(name: &str) -> Result<Self, ValueError> {
        let fits = (1..=Self::MAX_CHARS).contains(&name.chars().count())
            && name.trim() == name
            && !name.chars().any(char::is_control);
        if !fits {
            let rule = "must be 1 to 128 characters on one line, without white space around them";
            return Err(ValueError::new("app_name", rule));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::value::text_value!(AppName, "app_name", as_str);

/// A createApp as a client builds it. Once sent, it may have created an application: see [`CreateApp`](crate::whatsapp::CreateApp).
///
/// ```
/// use numcheck_protocol::CallbackUrl;
/// use numcheck_protocol::whatsapp::{AppName, CreateAppRequest};
///
/// let request = CreateAppRequest::new(AppName::new("Shop")?, CallbackUrl::new("https://example.org/hook")?);
/// let body = numcheck_protocol::encode(&request)?;
/// assert_eq!(body, br#"{"app_name":"Shop","webhook":"https://example.org/hook"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CreateAppRequest {
    /// What the application is called.
    pub app_name: AppName,
    /// Where the platform pushes what happens. Who knows it may push to it.
    pub webhook: CallbackUrl,
}

impl CreateAppRequest {
    /// An application of this name whose pushes go to `webhook`.
    pub fn new(app_name: AppName, webhook: CallbackUrl) -> Self {
        Self { app_name, webhook }
    }
}

impl Request for CreateAppRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.webhook.as_str()]
    }
}

/// Reads a body strictly, as a server does before it creates anything.
///
/// # Errors
/// Names the first field that is missing or wrong. Unknown fields are no error.
impl TryFrom<CreateAppBody<'_>> for CreateAppRequest {
    type Error = ValueError;

    fn try_from(body: CreateAppBody<'_>) -> Result<Self, ValueError> {
        let app_name = AppName::new(required(&body.app_name, "app_name")?)?;
        let webhook = CallbackUrl::new(required(&body.webhook, "webhook")?);
        Ok(Self { app_name, webhook: webhook.map_err(|error| error.for_field("webhook"))? })
    }
}

/// A phoneList as a client builds it.
///
/// ```
/// use numcheck_protocol::whatsapp::{ListPhones, PhoneListRequest};
/// use numcheck_protocol::{AppKey, encode_request};
///
/// let request = PhoneListRequest::new(AppKey::new("a1b2c3d4")?);
/// assert_eq!(encode_request::<ListPhones>(&request)?, br#"{"appkey":"a1b2c3d4"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PhoneListRequest {
    /// The application.
    pub appkey: AppKey,
}

impl PhoneListRequest {
    /// The phone numbers of this application.
    pub fn new(appkey: AppKey) -> Self {
        Self { appkey }
    }
}

impl Request for PhoneListRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.appkey.expose()]
    }
}

/// Reads a body strictly, as a server does before it looks anything up.
///
/// # Errors
/// When the appkey is missing or wrong. Unknown fields are no error.
impl TryFrom<PhoneListBody<'_>> for PhoneListRequest {
    type Error = ValueError;

    fn try_from(body: PhoneListBody<'_>) -> Result<Self, ValueError> {
        Ok(Self { appkey: AppKey::new(required(&body.appkey, "appkey")?)? })
    }
}

/// A getCode as a client builds it. Once sent, a message may be on its way: see [`GetCode`](crate::whatsapp::GetCode).
///
/// ```
/// use numcheck_protocol::encode_request;
/// use numcheck_protocol::whatsapp::{CodeMethod, GetCode, GetCodeRequest};
///
/// let request = GetCodeRequest::new("85251234567".parse()?, CodeMethod::SMS);
/// assert_eq!(encode_request::<GetCode>(&request)?, br#"{"phone_number":"85251234567","method":"sms"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl Request for GetCodeRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.phone_number.digits()]
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

/// A checkCode as a client builds it. Once sent, it uses up a guess: see [`CheckCode`](crate::whatsapp::CheckCode).
///
/// ```
/// use numcheck_protocol::whatsapp::{CheckCode, CheckCodeRequest};
/// use numcheck_protocol::{VerificationCode, encode_request};
///
/// let request = CheckCodeRequest::new("85251234567".parse()?, VerificationCode::new("154100")?);
/// assert_eq!(encode_request::<CheckCode>(&request)?, br#"{"phone_number":"85251234567","code":"154100"}"#);
/// assert!(!format!("{request:?}").contains("154100"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl Request for CheckCodeRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.code.expose(), self.phone_number.digits()]
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

/// A createClient as a client builds it. Once sent, it may have registered one: see [`CreateClient`](crate::whatsapp::CreateClient).
///
/// ```
/// use numcheck_protocol::encode_request;
/// use numcheck_protocol::whatsapp::{CreateClient, CreateClientRequest};
///
/// let request = CreateClientRequest::new("85251234567".parse()?);
/// assert_eq!(encode_request::<CreateClient>(&request)?, br#"{"phone_number":"85251234567"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CreateClientRequest {
    /// The phone number. Personal data.
    pub phone_number: PhoneNumber,
}

impl CreateClientRequest {
    /// A client for `phone_number`, whose code was verified before.
    pub fn new(phone_number: PhoneNumber) -> Self {
        Self { phone_number }
    }
}

impl Request for CreateClientRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.phone_number.digits()]
    }
}

/// Reads a body strictly, as a server does before it registers anything.
///
/// # Errors
/// When the phone number is missing or wrong. Unknown fields are no error.
impl TryFrom<CreateClientBody<'_>> for CreateClientRequest {
    type Error = ValueError;

    fn try_from(body: CreateClientBody<'_>) -> Result<Self, ValueError> {
        let phone_number = PhoneNumber::new(required(&body.phone_number, "phone_number")?);
        Ok(Self { phone_number: phone_number.map_err(|error| error.for_field("phone_number"))? })
    }
}
