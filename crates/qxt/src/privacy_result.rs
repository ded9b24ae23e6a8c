//! What QXT says about a phone number. A field that did not come is `None`.

use std::borrow::Cow;
use std::fmt;

use numcheck_protocol::qxt::{KnownPrivacyStatus, Operator, Privacy, PrivacyRequest, PrivacyStatus};
use numcheck_protocol::{Drift, Endpoint, PhoneText, Text, mask};
use numcheck_transport::{CallError, CallErrorKind, Reply, TypedReply};
use serde::Serialize;

/// The answer to one privacy query. `Debug` masks what may be a phone number.
///
/// As JSON an object of these fields; it then holds the phone number in full, and not the body.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrivacyResult {
    /// The number that the platform says it answers about. Personal data.
    pub mobile: Option<PhoneText<'static>>,
    /// Whether it is a privacy number, in the platform's word.
    pub status: Option<PrivacyStatus>,
    /// Where the number is from, as province-city: `广东-深圳`.
    pub area: Option<String>,
    /// The operator in use now.
    pub operator: Option<Operator>,
    /// The text beside the code.
    pub reason: Option<String>,
    /// What in the reply no document lists. [`PrivacyResult::body`] still holds it.
    pub drift: Vec<Drift>,
    #[serde(skip)]
    body: Box<[u8]>,
}

impl PrivacyResult {
    /// Whether it is a privacy (virtual) number; `None` when the platform did not say, or in a word that nobody knows.
    pub fn is_privacy(&self) -> Option<bool> {
        match self.status.as_ref()?.known()? {
            KnownPrivacyStatus::Privacy => Some(true),
            KnownPrivacyStatus::NotPrivacy => Some(false),
            _ => None,
        }
    }

    /// Reads a reply to `request` as the client does: one that was kept, or one that a test writes.
    ///
    /// ```
    /// use numcheck_qxt::protocol::ApiKey;
    /// use numcheck_qxt::protocol::qxt::{Mobile, PrivacyRequest};
    /// use numcheck_qxt::transport::http::StatusCode;
    /// use numcheck_qxt::{PrivacyResult, Reply};
    ///
    /// let request = PrivacyRequest::new(ApiKey::new("key")?, Mobile::new("18819079212")?);
    /// let reply = Reply::new(StatusCode::OK, r#"{"code":0,"result":{"Status":"隐私号"}}"#);
    /// assert_eq!(PrivacyResult::from_reply(reply, &request)?.is_privacy(), Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::check`](crate::Client::check): a refusal, and what is no answer.
    pub fn from_reply(reply: Reply, request: &PrivacyRequest) -> Result<Self, CallError> {
        Self::about(request, TypedReply::read(reply, request)?)
    }

    /// The answer to `request`, unless it names another number.
    pub(crate) fn about(request: &PrivacyRequest, reply: TypedReply<Privacy>) -> Result<Self, CallError> {
        let named =
            reply.get().result.into_inner().and_then(|result| result.mobile.text().map(Cow::into_owned));
        if named.is_some_and(|named| request.mobile.is_contradicted_by(&named)) {
            return Err(CallError::another_number(&Privacy::INFO, reply.reply));
        }
        Ok(Self::from(reply))
    }

    /// The answer that an error of the kind [`AnotherNumber`](numcheck_transport::CallErrorKind::AnotherNumber) keeps: it may have been paid for,
    /// and is about [`mobile`](Self::mobile). `None` for any other error.
    pub fn from_another_number(error: &CallError, request: &PrivacyRequest) -> Option<Self> {
        let reply = error.reply().filter(|_| error.kind() == CallErrorKind::AnotherNumber)?;
        TypedReply::read(reply.clone(), request).ok().map(Self::from)
    }

    /// The body of the reply as it came, byte for byte. It holds personal data.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl From<TypedReply<Privacy>> for PrivacyResult {
    fn from(reply: TypedReply<Privacy>) -> Self {
        let TypedReply { text: reason, drift, .. } = reply.clone();
        let answer = reply.get();
        let result = answer.result.get();
        let text = |text: &Text<'_>| text.as_str().to_owned();
        Self {
            mobile: result.and_then(|result| result.mobile.get().cloned().map(PhoneText::into_owned)),
            status: result.and_then(|result| result.status.get().cloned()),
            area: result.and_then(|result| result.area.get().map(text)),
            operator: result.and_then(|result| result.now_isp.get().cloned()),
            reason,
            drift,
            body: reply.body().into(),
        }
    }
}

impl fmt::Debug for PrivacyResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivacyResult")
            .field("mobile", &self.mobile)
            .field("status", &self.status)
            .field("area", &self.area.as_deref().map(mask::digits))
            .field("operator", &self.operator)
            .field("reason", &self.reason.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
