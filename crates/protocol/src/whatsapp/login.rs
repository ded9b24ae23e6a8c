//! login: a token for an integrator.
//!
//! It must not give the request a body: an empty one is signed without a body part, and `{}` is not empty.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Info};
use crate::field::{Extra, Field};
use crate::generated::whatsapp::WhatsAppCode;
use crate::message::message;
use crate::text::{HiddenText, Text};
use crate::whatsapp::reply::reply;

/// `whatsapp.login`: POST `/api/wa/integrator/embedded/register/login`, signed, with an empty body.
///
/// It only reads and costs nothing (assumed), so it may be repeated. Source: the vendor's embedded register.
#[derive(Debug)]
pub enum Login {}

impl Endpoint for Login {
    const INFO: Info = crate::generated::whatsapp::LOGIN;
    /// There is none: the body is empty, and nothing may be written into it.
    type Request<'a> = ();
    type Response<'a> = LoginReply<'a>;
}

reply! {
    /// The reply of a login.
    LoginReply, WhatsAppCode,
    /// The token; null where there is none.
    LoginData<'a>, [code, message, msg; data]
}

/// `data` of a login's reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginData<'a> {
    /// The integrator's token: a secret. What it is for, and how long it is good, no document says.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub token: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(LoginData { token });

impl LoginData<'_> {
    /// The same, independent of the reply that it was read from.
    pub fn into_owned(self) -> LoginData<'static> {
        LoginData { token: self.token.map(HiddenText::into_owned), extra: self.extra }
    }
}
