//! WhatsApp verification codes, for integrators.
//!
//! It never repeats a check: each uses up a guess. It never shows a code.

use numcheck_protocol::whatsapp::{CheckCode, CheckCodeRequest, WhatsAppReply};
use numcheck_protocol::{Endpoint, PhoneNumber, ValueError, VerificationCode, decode, encode};
use numcheck_transport::CallError;

use crate::Client;

/// WhatsApp verification of an account.
#[derive(Clone, Copy, Debug)]
pub struct WhatsApp<'a> {
    pub(crate) client: &'a Client,
}

impl WhatsApp<'_> {
    /// Asks whether `code` is the one that WhatsApp sent to `phone`. `Ok` means that it is right.
    ///
    /// Uses up a guess. It is repeated by itself only when it surely was not sent, or was refused because of the clock.
    ///
    /// # Errors
    /// A wrong code comes as a refusal with -1, and so does a fault of the platform: the two look alike.
    pub async fn check_code(self, phone: PhoneNumber, code: VerificationCode) -> Result<(), CallError> {
        let request = CheckCodeRequest::new(phone, code);
        let body = encode(&request)
            .map_err(|_| CallError::value(&CheckCode::INFO, ValueError::new("body", "cannot be written as JSON")))?;
        let reply = self.client.exchange::<CheckCode>(body, 1).await?;
        let refusal = match decode::<WhatsAppReply<'_>>(&reply.body) {
            Ok(answer) => match answer.code.get() {
                Some(code) if code.is_success() => return Ok(()),
                Some(code) => Some(code.refusal(answer.message_text())),
                None => None,
            },
            Err(_) => None,
        };
        Err(match refusal {
            Some(refusal) => CallError::refused(&CheckCode::INFO, refusal, reply),
            None => CallError::no_answer(&CheckCode::INFO, reply),
        })
    }
}
