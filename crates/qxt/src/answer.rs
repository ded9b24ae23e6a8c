//! What QXT says about a number.
//!
//! It reads one reply and judges nothing: a field that did not come is `None`.

use std::fmt;

use numcheck_protocol::qxt::{
    KnownPrivacyStatus, Operator, Privacy, PrivacyReply, PrivacyRequest, PrivacyStatus,
};
use numcheck_protocol::{Drift, Endpoint, Message, PhoneText, Text, decode, mask};
use numcheck_transport::{CallError, Reply, quotable};

/// The answer to one privacy query. `Debug` masks what may be a phone number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
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
    /// What in the reply no document lists. [`Answer::body`] still holds it.
    pub drift: Vec<Drift>,
    body: Box<[u8]>,
}

impl Answer {
    /// Whether it is a privacy (virtual) number; `None` when the platform did not say, or in a word that nobody knows.
    pub fn is_privacy(&self) -> Option<bool> {
        match self.status.as_ref()?.known()? {
            KnownPrivacyStatus::Privacy => Some(true),
            KnownPrivacyStatus::NotPrivacy => Some(false),
            _ => None,
        }
    }

    /// The body of the reply as it came, byte for byte. It holds personal data.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn read(reply: Reply, request: &PrivacyRequest) -> Result<Self, CallError> {
        // The platform may quote what it was sent.
        let secrets = [request.apikey.expose(), request.mobile.digits()];
        let told = |answer: &PrivacyReply<'_>| {
            answer.reason.get().map(|text| quotable(text.as_str(), &secrets).into_owned())
        };
        let refusal = match decode::<PrivacyReply<'_>>(&reply.body) {
            Ok(answer) => match answer.code.get() {
                Some(code) if code.is_success() => return Ok(Self::of(&answer, told(&answer), &reply.body)),
                Some(code) => code.refusal(told(&answer).as_deref()),
                None => {
                    drop(answer);
                    return Err(CallError::no_answer(&Privacy::INFO, reply, None));
                }
            },
            Err(unreadable) => return Err(CallError::no_answer(&Privacy::INFO, reply, Some(unreadable))),
        };
        Err(CallError::refused(&Privacy::INFO, refusal, reply))
    }

    fn of(answer: &PrivacyReply<'_>, reason: Option<String>, body: &[u8]) -> Self {
        let mut drift = Vec::new();
        answer.drift(&mut |one| drift.push(one));
        let result = answer.result.get();
        let text = |text: &Text<'_>| text.as_str().to_owned();
        Self {
            mobile: result.and_then(|result| result.mobile.get().cloned().map(PhoneText::into_owned)),
            status: result.and_then(|result| result.status.get().cloned()),
            area: result.and_then(|result| result.area.get().map(text)),
            operator: result.and_then(|result| result.now_isp.get().cloned()),
            reason,
            drift,
            body: body.into(),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
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
