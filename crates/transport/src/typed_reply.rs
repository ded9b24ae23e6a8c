//! The one reader of replies: from what came to what an endpoint answers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use numcheck_protocol::{
    Drift, DriftKind, Endpoint, Envelope, Message, Request, ResultCode, decode, mask, mend,
};

use crate::{CallError, Reply};

/// A reply of `E` that says success. `Debug` masks what may be a phone number.
///
/// ```
/// use numcheck_protocol::{Envelope, whatsapp::Login};
/// use numcheck_transport::http::StatusCode;
/// use numcheck_transport::{Reply, TypedReply};
///
/// let body = r#"{"code":0,"message":"success","data":{"token":"t-1"}}"#;
/// let reply = TypedReply::<Login>::read(Reply::new(StatusCode::OK, body), &())?;
/// assert!(reply.drift.is_empty() && reply.body() == body.as_bytes());
/// assert!(reply.get().code().is_some_and(|code| code.is_success()));
/// # Ok::<(), numcheck_transport::CallError>(())
/// ```
#[non_exhaustive]
pub struct TypedReply<E> {
    /// The platform's text, with `***` in place of every secret of the request. It may quote phone numbers.
    pub text: Option<String>,
    /// What in the reply no document lists. The body still holds it.
    pub drift: Vec<Drift>,
    /// The reply as it came.
    pub reply: Reply,
    /// The body as it can be read, where [`mend`] had to help.
    mended: Option<Bytes>,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> TypedReply<E> {
    /// Reads the reply to `request`. A body that only [`mend`] can read is read so, and counts as drift: one odd value must not cost the
    /// rest of a reply that may have been paid for.
    ///
    /// # Errors
    /// A code that is not success is [`Refused`](crate::CallErrorKind::Refused); a body without a code, or that is no JSON object, is
    /// [`NoAnswer`](crate::CallErrorKind::NoAnswer).
    pub fn read(reply: Reply, request: &E::Request) -> Result<Self, CallError> {
        match judge::<E>(&reply.body, request) {
            Ok(Judged { text, drift, mended }) => {
                Ok(Self { text, drift, reply, mended, endpoint: PhantomData })
            }
            Err(Unfit::Refused(refusal, drift)) => Err(CallError::refused(&E::INFO, *refusal, drift, reply)),
            Err(Unfit::NoAnswer(unreadable)) => {
                Err(CallError::no_answer_to(&E::INFO, &request.secrets(), reply, unreadable))
            }
        }
    }

    /// What the reply says. Reads the body anew.
    pub fn get(&self) -> E::Response<'_> {
        // It was read once before, so it is readable.
        decode(self.mended.as_ref().unwrap_or(&self.reply.body)).unwrap_or_default()
    }

    /// The body of the reply as it came, byte for byte. It may hold personal data.
    pub fn body(&self) -> &[u8] {
        &self.reply.body
    }
}

struct Judged {
    text: Option<String>,
    drift: Vec<Drift>,
    mended: Option<Bytes>,
}

enum Unfit {
    Refused(Box<numcheck_protocol::Refusal>, Vec<Drift>),
    NoAnswer(Option<numcheck_protocol::Unreadable>),
}

fn judge<E: Endpoint>(body: &[u8], request: &E::Request) -> Result<Judged, Unfit> {
    let strict = decode::<E::Response<'_>>(body);
    let unreadable = strict.as_ref().err().copied();
    let mended = unreadable.and_then(|_| mend(body));
    let response = match (strict, &mended) {
        (Err(unreadable), Some(mended)) => decode(mended).map_err(|_| unreadable),
        (strict, _) => strict,
    };
    let response = response.map_err(|unreadable| Unfit::NoAnswer(Some(unreadable)))?;
    let code = response.code().ok_or(Unfit::NoAnswer(unreadable))?;
    // The platform may quote what it was sent.
    let secrets = request.secrets();
    let hide = |text: &str| quotable(text, &secrets).into_owned();
    let text = response.message_text().map(hide);
    let mut drift = Vec::new();
    if mended.is_some() {
        drift.push(Drift::new(E::INFO.id, DriftKind::OddShape, None));
    }
    response.drift(&mut |one| {
        drift.push(Drift::new(hide(&one.place), one.kind, one.value.as_deref().map(hide)));
    });
    if !code.is_success() {
        return Err(Unfit::Refused(Box::new(code.refusal(text.as_deref())), drift));
    }
    drop(response);
    Ok(Judged { text, drift, mended: mended.map(Bytes::from) })
}

/// The fewest bytes of a secret that are hidden at the end of a text.
const MIN_CUT: usize = 4;

/// A platform's text with `***` in place of every secret that the request held, in capitals or not: it may quote what it was sent. A text may have been
/// cut, so the beginning of a secret at its end, of four bytes or more, is one as well.
///
/// ```
/// use numcheck_transport::quotable;
///
/// assert_eq!(quotable("appkey A1B2c3d4 is unknown", &["a1b2c3d4"]), "appkey *** is unknown");
/// assert_eq!(quotable("of A1B2c", &["a1b2c3d4"]), "of ***");
/// ```
pub fn quotable<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut quotable = Cow::Borrowed(text);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let (lower, secret) = (quotable.to_ascii_lowercase(), secret.to_ascii_lowercase());
        if lower.contains(&secret) {
            let (mut hidden, mut rest) = (String::new(), &*quotable);
            for before in lower.split(&secret) {
                let (shown, after) = rest.split_at(before.len());
                rest = after.get(secret.len()..).unwrap_or_default();
                hidden.push_str(shown);
                hidden.push_str("***");
            }
            hidden.truncate(hidden.len() - "***".len());
            quotable = Cow::Owned(hidden);
        }
        let lower = quotable.to_ascii_lowercase();
        let is_cut = |length: &usize| secret.get(..*length).is_some_and(|start| lower.ends_with(start));
        if let Some(length) = (MIN_CUT..secret.len()).rev().find(is_cut) {
            let mut hidden = quotable.into_owned();
            hidden.truncate(hidden.len() - length);
            quotable = Cow::Owned(hidden + "***");
        }
    }
    quotable
}

impl<E> Clone for TypedReply<E> {
    fn clone(&self) -> Self {
        let Self { text, drift, reply, mended, endpoint } = self;
        let (text, drift, reply, mended) = (text.clone(), drift.clone(), reply.clone(), mended.clone());
        Self { text, drift, reply, mended, endpoint: *endpoint }
    }
}

impl<E> fmt::Debug for TypedReply<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedReply")
            .field("text", &self.text.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("reply", &self.reply)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::quotable;

    #[test]
    fn every_secret_is_taken_out_wherever_it_stands() {
        assert_eq!(quotable("key k-1, again k-1: 42", &["k-1", "", "42"]), "key ***, again ***: ***");
        assert_eq!(quotable("nothing", &["k-1"]), "nothing");
    }
}
