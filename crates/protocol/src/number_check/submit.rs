//! Submit: phone numbers in, a job id out.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use serde::Serialize;

use crate::batch_no::BatchNo;
use crate::callback_url::CallbackUrl;
use crate::endpoint::Request;
use crate::error::ValueError;
use crate::message::Unwritable;
use crate::number_check::{CheckLevel, Dialect, SubmitBody, SubmitData, SubmitReply};
use crate::phone_list::PhoneList;
use crate::secrets::AppKey;
use crate::strict::{integer, optional, required};

/// A submit as a client builds it: every value has been checked. It is written in the document's order of fields.
///
/// Once sent, each accepted number costs money: see [`Submit`](crate::number_check::Submit).
///
/// ```
/// use numcheck_protocol::number_check::{CheckLevel, SubmitRequest};
/// use numcheck_protocol::{AppKey, BatchNo, PhoneList};
///
/// let mut request = SubmitRequest::new(AppKey::new("a1b2c3d4")?, "85251234567".parse::<PhoneList>()?);
/// request.batch_no = Some(BatchNo::new("20220901")?);
/// request.check_level = Some(CheckLevel::HLR);
/// let body = numcheck_protocol::encode(&request)?;
/// assert_eq!(body, br#"{"phone":"85251234567","batchNo":"20220901","checkLevel":3,"appkey":"a1b2c3d4"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl Request for SubmitRequest {
    /// What `Serialize` writes, in one allocation: its strings need hardly any escaping, which is most of what serde_json does.
    fn to_json(&self) -> Result<Vec<u8>, Unwritable> {
        let batch_no = self.batch_no.as_ref().map_or("", BatchNo::as_str);
        let dr_url = self.dr_url.as_ref().map_or("", CallbackUrl::as_str);
        let appkey = self.appkey.expose();
        let more = 96 + 2 * (batch_no.len() + dr_url.len() + appkey.len());
        let mut json = self.phone.join_behind(br#"{"phone":""#, more);
        json.push('"');
        push_text(&mut json, r#","batchNo":"#, batch_no);
        if let Some(level) = self.check_level {
            write!(json, r#","checkLevel":{}"#, level.get()).map_err(|_| Unwritable)?;
        }
        push_text(&mut json, r#","drUrl":"#, dr_url);
        push_text(&mut json, r#","appkey":"#, appkey);
        json.push('}');
        Ok(json.into_bytes())
    }

    fn units(&self) -> u32 {
        u32::try_from(self.phone.len()).unwrap_or(u32::MAX)
    }

    fn secrets(&self) -> Vec<&str> {
        vec![self.appkey.expose(), self.dr_url.as_ref().map_or("", CallbackUrl::as_str)]
    }
}

/// Writes a field of a text that holds no control characters; nothing for an empty one, which stands for none.
fn push_text(json: &mut String, name: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    json.push_str(name);
    json.push('"');
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            json.push('\\');
        }
        json.push(char);
    }
    json.push('"');
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
        let phone: PhoneList = required(&body.phone, "phone")?.parse()?;
        if dialect == Dialect::V1 {
            phone.check_one_country()?;
        }
        Ok(SubmitRequest {
            phone,
            batch_no: optional(&body.batch_no, "batchNo")?.map(BatchNo::new).transpose()?,
            check_level: integer(&body.check_level, "checkLevel")?,
            dr_url: optional(&body.dr_url, "drUrl")?.map(CallbackUrl::new).transpose()?,
            appkey: AppKey::new(required(&body.appkey, "appkey")?)?,
        })
    }
}

impl SubmitReply<'_> {
    /// Which dialect the account speaks, as far as the reply shows it by the names of what only one of the two has. The name of the text
    /// shows nothing: an authentication error may have another than the rest.
    pub fn dialect(&self) -> Option<Dialect> {
        let data = self.data.get();
        let first = data.is_some_and(|data| !data.message_id.is_absent());
        let second = !self.trace_id.is_absent()
            || data.is_some_and(|data| !data.request_id.is_absent() || !data.fail_number.is_absent());
        Dialect::from_marks(first, second)
    }
}

impl SubmitData<'_> {
    /// The job's id, under whichever name it came.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.message_id.text().or_else(|| self.request_id.text())
    }
}
