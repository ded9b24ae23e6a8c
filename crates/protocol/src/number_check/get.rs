//! Instant check: one phone number in, its result in the reply. Only in v2.

use alloc::vec;
use alloc::vec::Vec;

use serde::Serialize;

use crate::batch_no::BatchNo;
use crate::endpoint::Request;
use crate::error::ValueError;
use crate::field::Field;
use crate::number_check::{CheckLevel, GetBasic, GetBody, GetReply};
use crate::phone::PhoneNumber;
use crate::secrets::AppKey;
use crate::strict::{integer, optional, required};
use crate::text::Text;
use crate::view::View;

/// An instant check as a client builds it: every value has been checked.
///
/// Once sent, it costs money: see [`Get`](crate::number_check::Get).
///
/// ```
/// use numcheck_protocol::number_check::{Get, GetRequest};
/// use numcheck_protocol::{AppKey, encode_request};
///
/// let request = GetRequest::new(AppKey::new("a1b2c3d4")?, "85251234567".parse()?);
/// assert_eq!(encode_request::<Get>(&request)?, br#"{"phone":"85251234567","appkey":"a1b2c3d4"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl Request for GetRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.appkey.expose()]
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
            check_level: integer(&body.check_level, "checkLevel")?,
            appkey: AppKey::new(required(&body.appkey, "appkey")?)?,
        })
    }
}

impl GetReply<'_> {
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
        let basic = data.basic.get().and_then(|basic| basic.fail_reason.view());
        basic.or_else(|| data.fail_number.get()?.iter().find_map(|one| one.reason.view()))
    }
}

/// What became of the number of an instant check. Closed on purpose: these are all the ways.
///
/// ```
/// use numcheck_protocol::decode;
/// use numcheck_protocol::number_check::{GetOutcome, GetReply};
///
/// let reply: GetReply = decode(br#"{"code":0,"data":{"basic":{"country":"HK"}}}"#)?;
/// assert_eq!(reply.outcome(), GetOutcome::Checked);
/// let reply: GetReply = decode(br#"{"code":0,"data":{}}"#)?;
/// assert_eq!(reply.outcome(), GetOutcome::Unclear);
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GetOutcome {
    /// It was checked, and charged.
    Checked,
    /// The platform says that it is bad; not charged (assumed).
    BadNumber,
    /// The reply has another form than documented. It may have been checked and charged: the result may stand somewhere in it.
    Unclear,
}

impl GetBasic<'_> {
    /// Whether it says anything about the number.
    fn has_result(&self) -> bool {
        self.country.text().is_some()
            || self.operator.text().is_some()
            || self.number_type.get().is_some()
            || self.number_type.odd().is_some()
    }
}
