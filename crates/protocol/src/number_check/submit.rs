//! Submit: numbers in, a job id out.
//!
//! [`SubmitRequest`] is what a client builds and cannot hold nonsense; [`SubmitBody`] is what a server reads and holds anything.

use alloc::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::batch_no::BatchNo;
use crate::callback_url::CallbackUrl;
use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::list::List;
use crate::message::message;
use crate::number_check::{CheckLevel, Dialect, SubmitCode};
use crate::phone::PhoneNumber;
use crate::phone_list::PhoneList;
use crate::secrets::AppKey;
use crate::strict::{optional, required};
use crate::text::{HiddenText, PhoneText, Text};

/// `number_check.submit`: POST `/api/number/check`, signed.
///
/// Each accepted number costs money. A request whose answer was lost may have been accepted: it must not be sent again without
/// proof that it was not. Source: "Number Check API submit".
#[derive(Debug)]
pub enum Submit {}

impl Endpoint for Submit {
    const INFO: Info = crate::generated::number_check::SUBMIT;
    type Request<'a> = SubmitBody<'a>;
    type Response<'a> = SubmitReply<'a>;
}

/// A submit as a client builds it: every value has been checked. It is written in the document's order of fields.
///
/// Once sent, each accepted number costs money: see [`Submit`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubmitRequest {
    /// The numbers: 1 to 5000; in v1 of one country.
    pub phone: PhoneList,
    /// The batch number; `None` lets the platform make one of 12 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_no: Option<BatchNo>,
    /// What is checked; `None` is the platform's default, basic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_level: Option<CheckLevel>,
    /// Where results are pushed; `None` is the URL configured for the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dr_url: Option<CallbackUrl>,
    /// The application that pays.
    pub appkey: AppKey,
}

impl SubmitRequest {
    /// A submit with the platform's defaults: basic level, a random batch number, the application's own callback URL.
    pub fn new(appkey: AppKey, phone: PhoneList) -> Self {
        Self { phone, batch_no: None, check_level: None, dr_url: None, appkey }
    }
}

/// [`SubmitBody::read`] for v1.
impl TryFrom<SubmitBody<'_>> for SubmitRequest {
    type Error = ValueError;

    fn try_from(body: SubmitBody<'_>) -> Result<Self, ValueError> {
        body.read(Dialect::V1)
    }
}

impl SubmitBody<'_> {
    /// Reads a body strictly, as a server does before it takes the job. An optional field that is null or empty counts as left out.
    /// A check level is any integer: which of them an account may use is not a question of form. The numbers must be of one country in
    /// v1.
    ///
    /// # Errors
    /// Names the first field that is missing or wrong, in the document's order. Unknown fields are no error.
    pub fn read(self, dialect: Dialect) -> Result<SubmitRequest, ValueError> {
        let body = self;
        let phone = required(&body.phone, "phone")?;
        // One more than fits is enough to refuse a list that is too long.
        let numbers = phone.split(',').take(PhoneList::MAX_LEN + 1).map(PhoneNumber::new);
        let numbers = numbers.collect::<Result<alloc::vec::Vec<_>, _>>()?;
        Ok(SubmitRequest {
            phone: match dialect {
                Dialect::V1 => PhoneList::from_one_country(numbers)?,
                Dialect::V2 => PhoneList::from_many_countries(numbers)?,
            },
            batch_no: optional(&body.batch_no, "batchNo")?.map(BatchNo::new).transpose()?,
            check_level: match body.check_level {
                Field::Odd(_) => return Err(ValueError::new("checkLevel", "must be an integer")),
                ref level => level.get().copied(),
            },
            dr_url: optional(&body.dr_url, "drUrl")?.map(CallbackUrl::new).transpose()?,
            appkey: AppKey::new(required(&body.appkey, "appkey")?)?,
        })
    }
}

/// A submit's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubmitBody<'a> {
    /// The numbers, joined by commas. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<HiddenText<'a>>,
    /// The batch number; at most 64 characters.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// What is checked.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub check_level: Field<CheckLevel>,
    /// Where results are pushed. Its path is the receiver's secret.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub dr_url: Field<HiddenText<'a>>,
    /// The application that pays.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub appkey: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(SubmitBody { phone, batch_no, check_level, dr_url, appkey });

/// The reply to a submit, accepted or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubmitReply<'a> {
    /// 0 is accepted; 1001 to 1005 are authentication errors.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<SubmitCode>,
    /// v1. The platform's text. It differs between documents: never compare it. See [`SubmitReply::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// v2. The same.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The job; of empty strings when it was refused.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub data: Field<SubmitData<'a>>,
    /// v2. What the vendor finds a request by.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub trace_id: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(SubmitReply { code, msg, message, trace_id; data });

impl SubmitReply<'_> {
    /// The platform's text, under whichever name it came.
    pub fn message_text(&self) -> Option<&str> {
        self.msg.get().or(self.message.get()).map(Text::as_str)
    }

    /// Which dialect the account speaks, as far as the reply shows it by the names of what only one of the two has. The name of the text
    /// shows nothing: an authentication error may have another than the rest.
    pub fn dialect(&self) -> Option<Dialect> {
        let data = self.data.get();
        let first = data.is_some_and(|data| !data.message_id.is_absent());
        let second = !self.trace_id.is_absent()
            || data.is_some_and(|data| !data.request_id.is_absent() || !data.fail_number.is_absent());
        Dialect::of_marks(first, second)
    }
}

/// `data` of a submit's reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubmitData<'a> {
    /// v1. The job's id: with one number in the batch its push carries the same, with several this one and a suffix.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message_id: Field<Text<'a>>,
    /// v2. The same. See [`SubmitData::id`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub request_id: Field<Text<'a>>,
    /// The batch number, the request's or the platform's.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// v2. Numbers that were not taken although the request was; empty when all were.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub fail_number: Field<List<FailNumber<'a>>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(SubmitData { message_id, request_id, batch_no; ; fail_number });

impl SubmitData<'_> {
    /// The job's id, under whichever name it came.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.message_id.text().or_else(|| self.request_id.text())
    }
}

/// v2. A number that was not taken. What it holds beside the number is not known: it is kept in `extra`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailNumber<'a> {
    /// The number as submitted. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub number: Field<PhoneText<'a>>,
    /// Why; the name of the field is a guess.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub reason: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(FailNumber { number, reason });
