//! Signs each attempt by NXCLOUD's calling convention.
//!
//! It signs exactly the bytes that it is shown, and never keeps a signature.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use numcheck_protocol::{Auth, AuthCode, BodyKind, decode};
use numcheck_signing::{Algorithm, Body, Secret, Signer, header};
use numcheck_transport::{Attempt, Authorize, BoxError, Reply};

/// The account that signs.
#[derive(Clone)]
pub(crate) struct SigningAccount {
    pub(crate) access_key: String,
    pub(crate) secret: Secret,
    pub(crate) algorithm: Algorithm,
}

impl Authorize for SigningAccount {
    fn authorize(&self, attempt: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
        let Auth::Signed { biz_type, action } = attempt.info.auth else {
            return Err("this endpoint is not signed".into());
        };
        let body = match attempt.info.body {
            BodyKind::Json => Body::Json(attempt.body),
            _ => Body::Empty,
        };
        let signer = Signer::new(&self.access_key, &self.secret).with_algorithm(self.algorithm);
        let mut headers = HeaderMap::with_capacity(6);
        for (name, value) in signer.sign(biz_type, action, body, attempt.now_ms).fields() {
            let mut value = HeaderValue::try_from(value)?;
            // Whoever prints a request's headers sees that there is one, no more.
            value.set_sensitive(name == header::SIGN || name == header::ACCESS_KEY);
            headers.insert(HeaderName::from_bytes(name.as_bytes())?, value);
        }
        Ok(headers)
    }

    /// 1004 comes before any business is done, so nothing was charged.
    fn refused_for_clock(&self, reply: &Reply) -> bool {
        // Nearly no reply is one: reading each of them twice would cost more than signing.
        if !reply.body.windows(4).any(|part| part == b"1004") {
            return false;
        }
        let answer = decode::<numcheck_protocol::whatsapp::WhatsAppReply<'_>>(&reply.body);
        answer.is_ok_and(|answer| {
            answer.code.get().is_some_and(|code| code.auth() == Some(AuthCode::TIMESTAMP_EXPIRED))
        })
    }
}
