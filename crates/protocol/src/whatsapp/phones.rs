//! phoneList: the phone numbers of an application, and how far each has got.
//!
//! It must not judge a number by words that it does not know: every vocabulary here is the vendor's to extend.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::generated::whatsapp::{
    CodeVerification, MessagingLimit, NameStatus, PhoneListCode, PhoneStatus, QualityRating, RegisterStatus,
};
use crate::list::List;
use crate::message::message;
use crate::secrets::AppKey;
use crate::strict::required;
use crate::text::{HiddenText, PhoneText, Text};
use crate::whatsapp::reply::reply;

/// `whatsapp.phone_list`: POST `/api/wa/integrator/embedded/register/phoneList`, signed.
///
/// It only reads and costs nothing (assumed), so it may be repeated. Source: the vendor's embedded register.
#[derive(Debug)]
pub enum PhoneList {}

impl Endpoint for PhoneList {
    const INFO: Info = crate::generated::whatsapp::PHONE_LIST;
    type Request<'a> = PhoneListBody<'a>;
    type Response<'a> = PhoneListReply<'a>;
}

/// A phoneList as a client builds it.
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

/// A phoneList's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhoneListBody<'a> {
    /// The application's key: a secret.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub appkey: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(PhoneListBody { appkey });

reply! {
    /// The reply of a phoneList.
    PhoneListReply, PhoneListCode,
    /// The phone numbers; an empty list where there are none. What is no list is odd, and kept.
    List<Phone<'a>>, [code, message, msg; ; data]
}

/// A phone number of an application. Which of the fields are always there, no document says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phone<'a> {
    /// The number as it is shown, such as `+86 xxx 24`. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub display_phone_number: Field<PhoneText<'a>>,
    /// What those who get its messages think of them.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub quality_rating: Field<QualityRating>,
    /// The name that is shown for it.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub verified_name: Field<Text<'a>>,
    /// How far that name has got.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub name_status: Field<NameStatus>,
    /// How far its registration has got.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub register_status: Field<RegisterStatus>,
    /// Its state at WhatsApp.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub status: Field<PhoneStatus>,
    /// To how many people it may write in a day. An empty string is documented too.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub current_limit: Field<MessagingLimit>,
    /// Whether its verification code was verified.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code_verification_status: Field<CodeVerification>,
    /// Id of its WhatsApp Business account.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub waba_id: Field<Text<'a>>,
    /// Name of its WhatsApp Business account.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub waba_name: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(Phone {
    display_phone_number,
    quality_rating,
    verified_name,
    name_status,
    register_status,
    status,
    current_limit,
    code_verification_status,
    waba_id,
    waba_name
});

impl Phone<'_> {
    /// The same, independent of the reply that it was read from.
    pub fn into_owned(self) -> Phone<'static> {
        Phone {
            display_phone_number: self.display_phone_number.map(PhoneText::into_owned),
            quality_rating: self.quality_rating,
            verified_name: self.verified_name.map(Text::into_owned),
            name_status: self.name_status,
            register_status: self.register_status,
            status: self.status,
            current_limit: self.current_limit,
            code_verification_status: self.code_verification_status,
            waba_id: self.waba_id.map(Text::into_owned),
            waba_name: self.waba_name.map(Text::into_owned),
            extra: self.extra,
        }
    }
}
