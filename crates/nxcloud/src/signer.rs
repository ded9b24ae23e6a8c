//! Signs each attempt by NXCLOUD's calling convention.
//!
//! It signs exactly the bytes that it is shown, and never keeps a signature.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use numcheck_protocol::{Auth, AuthCode, BodyKind, decode};
use numcheck_signing::{Algorithm, Body, Input, Secret, header, sign};
use numcheck_transport::{Attempt, Authorize, BoxError, Reply};

pub(crate) struct Signer {
    access_key: HeaderValue,
    access_key_text: String,
    secret: Secret,
    algorithm: Algorithm,
}

impl Signer {
    pub(crate) fn new(
        access_key: HeaderValue,
        access_key_text: String,
        secret: Secret,
        algorithm: Algorithm,
    ) -> Self {
        Self { access_key, access_key_text, secret, algorithm }
    }
}

impl Authorize for Signer {
    fn authorize(&self, attempt: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
        let Auth::Signed { biz_type, action } = attempt.info.auth else {
            return Err("this endpoint is not signed".into());
        };
        let ts = attempt.now_ms.to_string();
        let body = match attempt.info.body {
            BodyKind::Json => Body::Json(attempt.body),
            _ => Body::Empty,
        };
        let input = Input { access_key: &self.access_key_text, action, biz_type, ts: &ts, body };
        let signature = sign(&input, &self.secret, self.algorithm);

        let mut headers = HeaderMap::with_capacity(6);
        let mut add = |name: &'static str, mut value: HeaderValue| -> Result<(), BoxError> {
            // Whoever prints a request's headers sees that there is one, no more.
            value.set_sensitive(name == header::SIGN || name == header::ACCESS_KEY);
            headers.insert(HeaderName::from_bytes(name.as_bytes())?, value);
            Ok(())
        };
        add(header::ACCESS_KEY, self.access_key.clone())?;
        add(header::TS, HeaderValue::try_from(ts.as_str())?)?;
        add(header::BIZ_TYPE, HeaderValue::from_static(biz_type))?;
        add(header::ACTION, HeaderValue::from_static(action))?;
        add(header::SIGN, HeaderValue::try_from(signature.as_str())?)?;
        if self.algorithm != Algorithm::default() {
            add(header::ALGORITHM, HeaderValue::from_static(self.algorithm.as_str()))?;
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
