//! createApp: an application of an integrator.
//!
//! It must not show the key of an application, nor the URL that lets a push in.

use alloc::boxed::Box;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::callback_url::CallbackUrl;
use crate::count::Count;
use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::generated::whatsapp::CreateAppCode;
use crate::message::message;
use crate::strict::required;
use crate::text::{HiddenText, Text};
use crate::whatsapp::reply::reply;

/// `whatsapp.create_app`: POST `/api/wa/integrator/embedded/register/createApp`, signed.
///
/// It creates an application, of which an integrator can have 1000: a request whose answer was lost must not be sent again by
/// itself. Source: the vendor's embedded register.
#[derive(Debug)]
pub enum CreateApp {}

impl Endpoint for CreateApp {
    const INFO: Info = crate::generated::whatsapp::CREATE_APP;
    type Request<'a> = CreateAppBody<'a>;
    type Response<'a> = CreateAppReply<'a>;
}

/// The name of an application: 1 to 128 characters, none of them a control character, no white space around it. The document states
/// no form (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AppName(Box<str>);

impl AppName {
    /// The most characters.
    pub const MOST: usize = 128;

    /// A name.
    ///
    /// # Errors
    /// When it is not of the form above. Nothing was sent.
    pub fn new(name: &str) -> Result<Self, ValueError> {
        let fits = (1..=Self::MOST).contains(&name.chars().count())
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

impl FromStr for AppName {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        Self::new(name)
    }
}

/// A createApp as a client builds it. Once sent, it may have created an application: see [`CreateApp`].
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

/// A createApp's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateAppBody<'a> {
    /// What the application is called.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub app_name: Field<Text<'a>>,
    /// Where the platform pushes what happens: a secret, since who knows it may push to it.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub webhook: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(CreateAppBody { app_name, webhook });

reply! {
    /// The reply of a createApp.
    CreateAppReply, CreateAppCode,
    /// The application; null where none was created.
    AppData<'a>, [code, message, msg; data]
}

/// An application, as the reply of a createApp tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppData<'a> {
    /// Its number.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub app_id: Field<Count>,
    /// Its name.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub app_name: Field<Text<'a>>,
    /// Its key, which [`phoneList`](crate::whatsapp::PhoneList) calls `appkey`: a secret. No other operation tells it again.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub app_key: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(AppData { app_id, app_name, app_key });

impl AppData<'_> {
    /// The same, independent of the reply that it was read from.
    pub fn into_owned(self) -> AppData<'static> {
        AppData {
            app_id: self.app_id,
            app_name: self.app_name.map(Text::into_owned),
            app_key: self.app_key.map(HiddenText::into_owned),
            extra: self.extra,
        }
    }
}
