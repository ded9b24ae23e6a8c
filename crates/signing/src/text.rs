//! The text to sign, for signing and for showing. A body is taken byte for byte: spaces, key order and line breaks count.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::header;

/// What is signed: four header values as they are sent, and the body.
///
/// The values are joined without escaping, because the convention has none: a server should refuse values that
/// hold `&` or `=`, which could otherwise move a border between two fields without changing the text.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The `accessKey` header.
    pub access_key: &'a str,
    /// The `action` header, fixed per endpoint.
    pub action: &'a str,
    /// The `bizType` header.
    pub biz_type: &'a str,
    /// The `ts` header, as the text that is sent: Unix time in milliseconds.
    pub ts: &'a str,
    /// The body, as the bytes that are sent.
    pub body: Body<'a>,
}

/// A request body as the convention tells bodies apart. Closed: the convention has these three.
///
/// The query string of a URL is never signed.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// The exact bytes of a JSON body. `{}` is two bytes, and signed as such: it is not [`Body::Empty`].
    Json(&'a [u8]),
    /// No body at all: the signed text has no `&body=` part.
    Empty,
    /// A multipart form, whatever its parts are: signed like no body.
    Multipart,
}

/// The text to sign with `***` in place of the secret, to lay beside what another implementation signs.
///
/// It **shows the whole body**, phone numbers and verification codes included: for a debugging session, not for
/// a log. Bytes that are not UTF-8 show as U+FFFD. Allocates; signing does not need it.
///
/// ```
/// use numcheck_signing::{Body, Input, text_to_sign};
///
/// let input = Input { access_key: "key", action: "send", biz_type: "1", ts: "1655710885431", body: Body::Json(b"{}") };
/// assert_eq!(text_to_sign(&input), "accessKey=key&action=send&bizType=1&ts=1655710885431&body={}&accessSecret=***");
/// ```
pub fn text_to_sign(input: &Input<'_>) -> String {
    let mut text = Vec::new();
    input.feed(|part| text.extend_from_slice(part));
    text.extend_from_slice(b"***");
    String::from_utf8_lossy(&text).into_owned()
}

impl Input<'_> {
    /// Hands over the text part by part, up to where the secret follows.
    pub(crate) fn feed(&self, mut take: impl FnMut(&[u8])) {
        let headers = [
            (header::ACCESS_KEY, self.access_key),
            (header::ACTION, self.action),
            (header::BIZ_TYPE, self.biz_type),
            (header::TS, self.ts),
        ];
        for (name, value) in headers {
            take(name.as_bytes());
            take(b"=");
            take(value.as_bytes());
            take(b"&");
        }
        if let Body::Json(body) = self.body {
            take(b"body=");
            take(body);
            take(b"&");
        }
        take(b"accessSecret=");
    }
}

impl fmt::Debug for Input<'_> {
    /// Shows everything but the body's bytes, which hold phone numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("access_key", &self.access_key)
            .field("action", &self.action)
            .field("biz_type", &self.biz_type)
            .field("ts", &self.ts)
            .field("body", &self.body)
            .finish()
    }
}

/// The bytes of a JSON body, or [`Body::Empty`] where there are none.
impl<'a> From<&'a [u8]> for Body<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Json(bytes) }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(body) => write!(f, "Json({} bytes)", body.len()),
            Self::Empty => f.write_str("Empty"),
            Self::Multipart => f.write_str("Multipart"),
        }
    }
}
