//! WhatsApp verification codes, for integrators.
//!
//! It never repeats a check: each uses up a guess. It never shows a code.

use std::fmt;

use numcheck_protocol::whatsapp::{CheckCode, CheckCodeRequest, WhatsAppReply};
use numcheck_protocol::{
    Drift, Endpoint, Message, PhoneNumber, ValueError, VerificationCode, decode, encode, mask,
};
use numcheck_transport::{CallError, Reply, quotable};

use crate::Client;

/// WhatsApp verification of an account.
#[derive(Clone, Debug)]
pub struct WhatsApp {
    pub(crate) client: Client,
}

impl WhatsApp {
    /// Asks whether `code` is the one that WhatsApp sent to `phone`. `Ok` means that it is right.
    ///
    /// Uses up a guess. It is repeated by itself only when it surely was not sent, or was refused because of the clock. Dropping
    /// the future half-way may have used one up.
    ///
    /// # Errors
    /// A wrong code comes as a refusal with -1, and so does a fault of the platform: the two look alike. Ask
    /// [`CallError::may_have_happened`] before asking again.
    pub async fn check_code(self, phone: PhoneNumber, code: VerificationCode) -> Result<Verified, CallError> {
        let request = CheckCodeRequest::new(phone, code);
        let body = encode(&request).map_err(|_| {
            CallError::value(&CheckCode::INFO, ValueError::new("body", "cannot be written as JSON"))
        })?;
        let reply = self.client.exchange::<CheckCode>(body, 1).await?;
        Verified::read(reply, &request)
    }
}

/// A verification code that is right. `Debug` masks what may be a phone number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The platform's text, which may quote the number.
    pub text: Option<String>,
    /// What in the reply no document lists. [`Verified::body`] still holds it.
    pub drift: Vec<Drift>,
    body: Box<[u8]>,
}

impl Verified {
    /// The body of the reply as it came, byte for byte. It may hold personal data.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn read(reply: Reply, request: &CheckCodeRequest) -> Result<Self, CallError> {
        // The platform may quote what it was sent.
        let secrets = [request.code.expose(), request.phone_number.digits()];
        let told = |answer: &WhatsAppReply<'_>| {
            answer.message_text().map(|text| quotable(text, &secrets).into_owned())
        };
        let refusal = match decode::<WhatsAppReply<'_>>(&reply.body) {
            Ok(answer) => match answer.code.get() {
                Some(code) if code.is_success() => {
                    let mut drift = Vec::new();
                    answer.drift(&mut |one| drift.push(one));
                    return Ok(Self { text: told(&answer), drift, body: reply.body[..].into() });
                }
                Some(code) => code.refusal(told(&answer).as_deref()),
                None => {
                    drop(answer);
                    return Err(CallError::no_answer(&CheckCode::INFO, reply, None));
                }
            },
            Err(unreadable) => return Err(CallError::no_answer(&CheckCode::INFO, reply, Some(unreadable))),
        };
        Err(CallError::refused(&CheckCode::INFO, refusal, reply))
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("text", &self.text.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
