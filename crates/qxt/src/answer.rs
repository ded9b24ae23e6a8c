//! What QXT says about a number.
//!
//! It reads one reply and judges nothing: a field that did not come is `None`.

use numcheck_protocol::qxt::{KnownPrivacyStatus, Operator, Privacy, PrivacyReply, PrivacyStatus};
use numcheck_protocol::{Drift, Endpoint, Message, Text, decode};
use numcheck_transport::{CallError, Reply};

/// The answer to one privacy query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Whether it is a privacy number, in the platform's word.
    pub status: Option<PrivacyStatus>,
    /// Where the number is from, as province-city: `广东-深圳`.
    pub area: Option<String>,
    /// The operator in use now.
    pub operator: Option<Operator>,
    /// The text beside the code.
    pub reason: Option<String>,
    /// What in the reply no document lists.
    pub drift: Vec<Drift>,
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

    pub(crate) fn read(reply: Reply) -> Result<Self, CallError> {
        let refusal = match decode::<PrivacyReply<'_>>(&reply.body) {
            Ok(answer) => match answer.code.get().copied() {
                Some(code) if code.is_success() => return Ok(Self::of(&answer)),
                Some(code) => Some(code.refusal(answer.reason.get().map(Text::as_str))),
                None => None,
            },
            Err(_) => None,
        };
        Err(match refusal {
            Some(refusal) => CallError::refused(&Privacy::INFO, refusal, reply),
            None => CallError::no_answer(&Privacy::INFO, reply),
        })
    }

    fn of(answer: &PrivacyReply<'_>) -> Self {
        let mut drift = Vec::new();
        answer.drift(&mut |one| drift.push(one));
        let result = answer.result.get();
        let text = |text: &Text<'_>| text.as_str().to_owned();
        Self {
            status: result.and_then(|result| result.status.get().cloned()),
            area: result.and_then(|result| result.area.get().map(text)),
            operator: result.and_then(|result| result.now_isp.get().cloned()),
            reason: answer.reason.get().map(text),
            drift,
        }
    }
}
