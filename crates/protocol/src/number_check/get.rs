//! Instant check: one number in, its result in the reply. Only in v2.
//!
//! [`GetRequest`] is what a client builds and cannot hold nonsense; [`GetBody`] is what a server reads and holds anything. Nothing here
//! decides whether a check may be repeated: it may not.

use serde::{Deserialize, Serialize};

use crate::batch_no::BatchNo;
use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::list::List;
use crate::message::message;
use crate::number_check::check_result::text;
use crate::number_check::{CheckLevel, Cost, FailNumber, InstantCode, NumberTypeWord};
use crate::phone::PhoneNumber;
use crate::secrets::AppKey;
use crate::strict::{optional, required};
use crate::text::{HiddenText, PhoneText, Text};

/// `number_check.get`: POST `/api/number/check/get`, signed. Basic level only.
///
/// The number costs money when it is checked. A request whose answer was lost may have been carried out: it must not be sent again by
/// itself. Source: "Number Check API instant check" (vendor).
#[derive(Debug)]
pub enum Get {}

impl Endpoint for Get {
    const INFO: Info = crate::generated::number_check::GET;
    type Request<'a> = GetBody<'a>;
    type Response<'a> = GetReply<'a>;
}

/// An instant check as a client builds it: every value has been checked.
///
/// Once sent, it costs money: see [`Get`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GetRequest {
    /// The number.
    pub phone: PhoneNumber,
    /// The batch number; `None` lets the platform make one of 12 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_no: Option<BatchNo>,
    /// What is checked; `None` is the platform's default, basic, which is the only one here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_level: Option<CheckLevel>,
    /// The application that pays.
    pub appkey: AppKey,
}

impl GetRequest {
    /// A check with the platform's defaults.
    pub fn new(appkey: AppKey, phone: PhoneNumber) -> Self {
        Self { phone, batch_no: None, check_level: None, appkey }
    }
}

/// Reads a body strictly, as a server does before it checks. An optional field that is null or empty counts as left out.
///
/// # Errors
/// Names the first field that is missing or wrong, in the document's order. Unknown fields are no error.
impl TryFrom<GetBody<'_>> for GetRequest {
    type Error = ValueError;

    fn try_from(body: GetBody<'_>) -> Result<Self, ValueError> {
        Ok(Self {
            phone: PhoneNumber::new(required(&body.phone, "phone")?)?,
            batch_no: optional(&body.batch_no, "batchNo")?.map(BatchNo::new).transpose()?,
            check_level: match body.check_level {
                Field::Odd(_) => return Err(ValueError::new("checkLevel", "must be an integer")),
                ref level => level.get().copied(),
            },
            appkey: AppKey::new(required(&body.appkey, "appkey")?)?,
        })
    }
}

/// An instant check's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBody<'a> {
    /// The number. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// The batch number; at most 64 characters.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// What is checked.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub check_level: Field<CheckLevel>,
    /// The application that pays.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub appkey: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(GetBody { phone, batch_no, check_level, appkey });

/// The reply to an instant check. As one result: [`CheckResult`](crate::number_check::CheckResult).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetReply<'a> {
    /// 0 is carried out, for a bad number too; 1001 to 1005 are authentication errors.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<InstantCode>,
    /// The platform's text under its name in v1.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// The platform's text. See [`GetReply::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The result.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub data: Field<GetData<'a>>,
    /// What the vendor finds a request by.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub trace_id: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(GetReply { code, msg, message, trace_id; data });

impl GetReply<'_> {
    /// The platform's text, under whichever name it came.
    pub fn message_text(&self) -> Option<&str> {
        self.message.get().or(self.msg.get()).map(Text::as_str)
    }

    /// What a reply with code 0 says about the number.
    pub fn outcome(&self) -> GetOutcome {
        let data = self.data.get();
        if !self.code.get().is_some_and(|code| code.is_success()) {
            return GetOutcome::Unclear;
        }
        let listed = data.map(|data| &data.fail_number);
        let is_bad = listed.and_then(Field::get).is_some_and(|list| !list.items().is_empty());
        if is_bad || self.fail_reason().is_some() {
            return GetOutcome::BadNumber;
        }
        let is_odd = listed.is_some_and(|field| field.odd().is_some());
        let has_result = data.and_then(|data| data.basic.get()).is_some_and(GetBasic::has_result);
        if has_result && !is_odd { GetOutcome::Checked } else { GetOutcome::Unclear }
    }

    /// Why the number is bad, from either place where the vendor's pages put it. `None` says nothing: a place without a reason still
    /// means that the number was not checked.
    pub fn fail_reason(&self) -> Option<Text<'_>> {
        let data = self.data.get()?;
        let basic = data.basic.get().and_then(|basic| text(&basic.fail_reason));
        basic.or_else(|| data.fail_number.get()?.iter().find_map(|one| text(&one.reason)))
    }
}

/// `data` of an instant check's reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetData<'a> {
    /// The check's id.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub request_id: Field<Text<'a>>,
    /// The batch number, the request's or the platform's.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// The result.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub basic: Field<GetBasic<'a>>,
    /// What the check cost.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub cost: Field<Cost>,
    /// A bad number, as one of the vendor's pages has it.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub fail_number: Field<List<FailNumber<'a>>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(GetData { request_id, batch_no; basic, cost; fail_number });

/// What became of the number of an instant check. Closed on purpose: these are all the ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GetOutcome {
    /// It was checked, and charged.
    Checked,
    /// The platform says that it is bad; not charged (assumed).
    BadNumber,
    /// The reply has another form than documented. It may have been checked and charged: the result may stand somewhere in it.
    Unclear,
}

/// `data.basic` of an instant check's reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBasic<'a> {
    /// The number as sent. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// ISO 3166 region.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub country: Field<Text<'a>>,
    /// Kind of number.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub number_type: Field<NumberTypeWord>,
    /// Name of the carrier.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub operator: Field<Text<'a>>,
    /// Why there is no result, as another of the vendor's pages has it.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub fail_reason: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(GetBasic { phone, country, number_type, operator, fail_reason });

impl GetBasic<'_> {
    /// Whether it says anything about the number.
    fn has_result(&self) -> bool {
        self.country.text().is_some()
            || self.operator.text().is_some()
            || self.number_type.get().is_some()
            || self.number_type.odd().is_some()
    }
}
