//! Whether a request may be a push, decided from its head alone; then, with its body, whether its signature holds.

use std::fmt;

use numcheck_protocol::{BatchNo, is_compressed, mend};
use numcheck_signing::SignatureHeaders;

use crate::key::ReceiverKey;
use crate::signature::{BadSignature, PushVerifier, Verdict};

/// The most bytes of a body. A push of the documents has about 400.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// What the check looks at. Header values are bytes, because anything may come.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The request method, as it came.
    pub method: &'a str,
    /// The path without a query, as it came.
    pub path: &'a str,
    /// The `Content-Encoding` header. The type is not looked at: whoever knows the capability is let in.
    pub content_encoding: Option<&'a [u8]>,
    /// The `Content-Length` header. `None` is a body without a stated length, or no body.
    pub content_length: Option<&'a [u8]>,
}

/// Shows no path: it may be a capability.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path: _, content_encoding: _, content_length: _ } = self;
        f.debug_struct("Head").field("method", method).finish_non_exhaustive()
    }
}

/// Decides which requests come in. Pure: no socket, no clock, no state.
///
/// ```
/// use numcheck_protocol::BatchNo;
/// use numcheck_webhook::{Admitted, Gate, Head, ReceiverKey, Rejection};
///
/// let key = ReceiverKey::from_bytes(&[7; 32])?;
/// let batch = BatchNo::new("20220901")?;
/// let capability = key.capability(&batch);
/// let gate = Gate::new(key);
///
/// let head = Head { method: "POST", path: capability.path(), content_encoding: None, content_length: Some(b"412") };
/// assert_eq!(gate.check(&head), Ok(Admitted::Batch(batch)));
/// assert_eq!(gate.check(&Head { path: "/wp-login.php", ..head }), Err(Rejection::NotFound));
/// assert_eq!(gate.check(&Head { method: "GET", ..head }), Err(Rejection::Method));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gate {
    keys: Vec<ReceiverKey>,
    takes_fixed: bool,
    verifier: Option<PushVerifier>,
}

/// For which batch a request was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// For this one, whose capability its path is.
    Batch(BatchNo),
    /// For whichever its body names: it came to the fixed URL.
    Any,
}

impl Gate {
    /// A gate for capabilities of this key.
    pub fn new(key: ReceiverKey) -> Self {
        Self { keys: vec![key], takes_fixed: false, verifier: None }
    }

    /// Lets capabilities of a retired key in, too: results come up to an hour after their batch was submitted.
    #[must_use]
    pub fn with_retired_key(mut self, key: ReceiverKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Takes what comes to the [fixed URL](ReceiverKey::fixed_capability), too.
    #[must_use]
    pub fn with_fixed_url(mut self) -> Self {
        self.takes_fixed = true;
        self
    }

    /// Checks signatures, where there are any or the verifier requires them. Without this the headers of a signature are ignored.
    #[must_use]
    pub fn verifying(mut self, verifier: PushVerifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// What the request may push into.
    ///
    /// # Errors
    /// Why not. The path decides before anything else is looked at; then the method, the encoding, the length.
    pub fn check(&self, head: &Head<'_>) -> Result<Admitted, Rejection> {
        let of_batch = self.keys.iter().find_map(|key| key.open(head.path)).map(Admitted::Batch);
        let is_fixed = || self.takes_fixed && self.keys.iter().any(|key| key.opens_fixed(head.path));
        let admitted = of_batch.or_else(|| is_fixed().then_some(Admitted::Any)).ok_or(Rejection::NotFound)?;
        if head.method != "POST" {
            return Err(Rejection::Method);
        }
        if !head.content_encoding.is_none_or(is_plain) {
            return Err(Rejection::Encoding);
        }
        head.content_length.map_or(Ok(()), check_length)?;
        Ok(admitted)
    }

    /// Whether a body can be read later: one in another character set than UTF-8, UTF-16 or GB18030 (GBK, GB2312), by its `Content-Type` and its bytes, would
    /// be acknowledged and be lost. Refused, the platform comes back for an hour, and until then a proxy can be mended.
    ///
    /// # Errors
    /// [`Rejection::Charset`]; [`Rejection::Encoding`] where it is compressed although no header says so.
    pub fn check_charset(&self, content_type: Option<&[u8]>, body: &[u8]) -> Result<(), Rejection> {
        let is_readable = |charset: String| match charset.as_str() {
            "" | "utf-8" | "utf8" => true,
            "gbk" | "gb2312" | "gb18030" | "cp936" | "utf-16" | "utf-16le" | "utf-16be" => {
                mend(body).is_some()
            }
            _ => false,
        };
        if is_compressed(body) {
            return Err(Rejection::Encoding);
        }
        if std::str::from_utf8(body).is_ok() || content_type.and_then(charset).is_none_or(is_readable) {
            return Ok(());
        }
        Err(Rejection::Charset)
    }

    /// Judges the signature of a request that [`check`](Self::check) has let in, with the exact bytes of its body and the time (Unix, in
    /// milliseconds). Without a verifier everything is [`Verdict::Unsigned`].
    ///
    /// # Errors
    /// When the push must not be taken in, for the kinds of [`PushVerifier::check`].
    pub fn verify(
        &self,
        headers: &SignatureHeaders<'_>,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Verdict, BadSignature> {
        match &self.verifier {
            Some(verifier) => verifier.check(headers, body, now_ms),
            None => Ok(Verdict::Unsigned),
        }
    }
}

/// Not compressed: nothing that is acknowledged may turn out to be unreadable.
pub(crate) fn is_plain(content_encoding: &[u8]) -> bool {
    let encoding = content_encoding.trim_ascii();
    encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
}

/// The `charset` of a content type, in small letters.
fn charset(content_type: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content_type).to_ascii_lowercase();
    let charset = text.split(';').skip(1).find_map(|one| one.trim().strip_prefix("charset="))?;
    Some(charset.trim_matches(['"', ' ']).to_owned())
}

fn check_length(length: &[u8]) -> Result<(), Rejection> {
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(Rejection::Length);
    }
    // Digits that no integer holds are a length all the same: too long.
    let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse::<usize>().ok());
    if length.is_some_and(|length| length <= MAX_BODY_LEN) { Ok(()) } else { Err(Rejection::TooLong) }
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The path is no capability: 404.
    #[error("the path is no capability of this receiver")]
    NotFound,
    /// Not POST: 405, with `Allow: POST`.
    #[error("the method is not POST")]
    Method,
    /// Compressed: 415.
    #[error("the body is compressed, by its Content-Encoding: have the proxy send it as it is")]
    Encoding,
    /// In another character set than UTF-8, UTF-16 or GB18030: 415.
    #[error(
        "the body is in neither UTF-8, UTF-16 nor GBK, by its Content-Type: have the proxy send it as it is"
    )]
    Charset,
    /// The stated length is no number: 400.
    #[error("the content length is not a number")]
    Length,
    /// More than 64 KiB: 413.
    #[error("the body is longer than 64 KiB")]
    TooLong,
}

impl Rejection {
    /// The HTTP status to answer with, and an empty body.
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Encoding | Self::Charset => 415,
            Self::Length => 400,
            Self::TooLong => 413,
        }
    }

    /// The `Allow` header that belongs to the answer.
    pub fn allow(self) -> Option<&'static str> {
        (self == Self::Method).then_some("POST")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: Head<'_> =
        Head { method: "POST", path: "", content_encoding: None, content_length: Some(b"412") };

    fn key(byte: u8) -> ReceiverKey {
        ReceiverKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn path(key: &ReceiverKey) -> String {
        key.capability(&BatchNo::new("20220901").unwrap()).path().to_owned()
    }

    /// What the gate says to a request with a right path.
    fn check(head: Head<'_>) -> Result<Admitted, Rejection> {
        Gate::new(key(7)).check(&Head { path: &path(&key(7)), ..head })
    }

    #[test]
    fn the_fixed_url_is_let_in_only_where_it_is_taken() {
        let path = key(7).fixed_capability().path().to_owned();
        let head = Head { path: &path, ..GOOD };
        assert_eq!(Gate::new(key(7)).check(&head), Err(Rejection::NotFound));
        let gate = Gate::new(key(8)).with_retired_key(key(7)).with_fixed_url();
        assert_eq!(gate.check(&head), Ok(Admitted::Any));
        assert_eq!(gate.check(&Head { method: "GET", ..head }), Err(Rejection::Method));
        assert_eq!(Gate::new(key(8)).with_fixed_url().check(&head), Err(Rejection::NotFound));
    }

    #[test]
    fn only_post() {
        assert!(check(GOOD).is_ok());
        for method in ["GET", "HEAD", "PUT", "post", "OPTIONS", "CONNECT", ""] {
            assert_eq!(check(Head { method, ..GOOD }), Err(Rejection::Method), "{method}");
        }
        assert_eq!(Rejection::Method.allow(), Some("POST"));
    }

    #[test]
    fn a_compressed_body_is_refused_since_it_could_not_be_read() {
        for good in ["", "identity", " Identity "] {
            assert!(check(Head { content_encoding: Some(good.as_bytes()), ..GOOD }).is_ok(), "{good}");
        }
        for bad in ["gzip", "deflate", "br", "identity, gzip"] {
            let head = Head { content_encoding: Some(bad.as_bytes()), ..GOOD };
            assert_eq!(check(head), Err(Rejection::Encoding), "{bad}");
        }
    }

    #[test]
    fn what_its_charset_makes_unreadable_is_refused() {
        let gate = Gate::new(key(7));
        let gbk = b"{\"msg\":\"\xb3\xc9\xb9\xa6\"}";
        let check = |content_type: &str, body: &[u8]| gate.check_charset(Some(content_type.as_bytes()), body);
        for (charset, verdict) in [
            ("GBK", Ok(())),
            ("gb18030", Ok(())),
            ("\"GB2312\"", Ok(())),
            ("iso-8859-1", Err(Rejection::Charset)),
            // Called otherwise than it is.
            ("utf-16", Ok(())),
        ] {
            let content_type = format!("application/json; charset={charset}");
            assert_eq!(check(&content_type, gbk), verdict, "{charset}");
            // What cannot be read even so.
            assert_eq!(check(&content_type, b"{\"msg\":\"\xb3"), Err(Rejection::Charset), "{charset}");
            // Digits and English alone are UTF-8 whatever it is called.
            assert_eq!(check(&content_type, b"{}"), Ok(()), "{charset}");
        }
        for content_type in
            ["", "application/json", "application/json;charset=UTF-8", "text/plain; charset=\"utf-8\""]
        {
            assert_eq!(check(content_type, gbk), Ok(()), "{content_type}");
        }
        assert_eq!(gate.check_charset(None, gbk), Ok(()));
        for compressed in [&b"\x1f\x8b\x08\0"[..], b"\x78\x9c\xab\x56", b"\x78\x01\xff\xff"] {
            assert_eq!(gate.check_charset(None, compressed), Err(Rejection::Encoding), "{compressed:?}");
        }
        let utf_16: Vec<u8> =
            "\u{feff}{\"msg\":\"成功\"}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(check("application/json; charset=UTF-16", &utf_16), Ok(()));
    }

    #[test]
    fn at_most_64_kib() {
        for good in ["0", "412", "65536", "0065536"] {
            assert!(check(Head { content_length: Some(good.as_bytes()), ..GOOD }).is_ok(), "{good}");
        }
        for long in ["65537", "18446744073709551616", "99999999999999999999999999999"] {
            assert_eq!(
                check(Head { content_length: Some(long.as_bytes()), ..GOOD }),
                Err(Rejection::TooLong),
                "{long}"
            );
        }
        for bad in ["", "-1", "+1", "1.0", "0x10", "5, 5", " 5", "٤"] {
            assert_eq!(
                check(Head { content_length: Some(bad.as_bytes()), ..GOOD }),
                Err(Rejection::Length),
                "{bad}"
            );
        }
        assert!(check(Head { content_length: None, ..GOOD }).is_ok());
    }

    #[test]
    fn a_retired_key_still_lets_in() {
        let gate = Gate::new(key(1)).with_retired_key(key(2));
        for (byte, comes_in) in [(1, true), (2, true), (3, false)] {
            assert_eq!(gate.check(&Head { path: &path(&key(byte)), ..GOOD }).is_ok(), comes_in, "{byte}");
        }
    }

    #[test]
    fn a_head_and_a_gate_show_no_capability() {
        let path = path(&key(7));
        let shown = format!("{:?} {:?}", Head { path: &path, ..GOOD }, Gate::new(key(7)));
        assert!(!shown.contains("20220901") && shown.contains("ReceiverKey(***)"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_wrong_path_gets_404_whatever_else_the_request_says(
            method in "POST|GET|[A-Z]{1,9}",
            path in "(/numcheck/push/[a-z0-9]{1,9}/[0-9a-f]{64})|\\PC{0,99}",
            content_encoding in prop::option::of("gzip|.{0,20}"),
            content_length in prop::option::of("[0-9]{0,30}|.{0,9}"),
        ) {
            let head = Head {
                method: &method,
                path: &path,
                content_encoding: content_encoding.as_deref().map(str::as_bytes),
                content_length: content_length.as_deref().map(str::as_bytes),
            };
            prop_assert_eq!(Gate::new(key(7)).check(&head), Err(Rejection::NotFound));
        }
    }
}
