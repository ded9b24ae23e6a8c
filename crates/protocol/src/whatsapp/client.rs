//! createClient: the WhatsApp client of a verified phone number.
//!
//! It must not be sent twice to be sure: phoneList tells whether the first came about.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::message::message;
use crate::phone::PhoneNumber;
use crate::strict::required;
use crate::text::PhoneText;
use crate::whatsapp::WhatsAppReply;

/// `whatsapp.create_client`: POST `/api/wa/integrator/embedded/register/createClient`, signed.
///
/// It starts a registration, and no document says what a second one does: a request whose answer was lost must not be sent again by
/// itself (assumed). [`PhoneList`](crate::whatsapp::PhoneList) tells by `register_status` whether it came about. Source: the vendor's
/// embedded register.
#[derive(Debug)]
pub enum CreateClient {}

impl Endpoint for CreateClient {
    const INFO: Info = crate::generated::whatsapp::CREATE_CLIENT;
    type Request<'a> = CreateClientBody<'a>;
    type Response<'a> = WhatsAppReply<'a>;
}

/// A createClient as a client builds it. Once sent, it may have registered one: see [`CreateClient`].
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

/// A createClient's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateClientBody<'a> {
    /// The phone number. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone_number: Field<PhoneText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(CreateClientBody { phone_number });
