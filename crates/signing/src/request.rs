//! A received request: its signature's headers, and the verdict on them in one call.

use core::borrow::Borrow;
use core::fmt;

use crate::{
    Algorithm, Body, Input, Secret, StaleError, TOLERANCE_MS, UnknownAlgorithm, VerifyError, check_freshness,
    header, signature::verify_any_case, verify,
};

/// Verifies a request as a server does: headers complete and unambiguous, access key known, `ts` within [`TOLERANCE_MS`] of `now_ms` (Unix time
/// in milliseconds), signature right for the exact bytes of `body`.
///
/// `fields` are all header fields of the request, with names in any case; others are passed over. `secrets` gives the secrets of an access key:
/// an `Option`, or several while a secret is replaced. An empty body is [`Body::Empty`]; for a multipart form, which is signed without its body,
/// and for another tolerance use the steps of [`SignatureHeaders`]. Allocates nothing. A request may be sent again while its `ts` is fresh: what
/// must happen once needs a key of its own.
///
/// `bizType` and `action` are signed, and not compared with the path that was called: that is the caller's part (1002).
///
/// ```
/// use numcheck_signing::{AuthError, Secret, verify_request};
///
/// let secret = Secret::from("abciiiko2k3");
/// let fields: [(&str, &[u8]); 6] = [
///     ("host", b"api.example.org"),
///     ("accesskey", b"fme2na3kdi3ki"),
///     ("ts", b"1655710885431"),
///     ("biztype", b"1"),
///     ("action", b"send"),
///     ("sign", b"87c3560d3331ae23f1021e2025722354"),
/// ];
/// let body = r#"{"name":"牛小信","id":10001}"#.as_bytes();
/// let known = |access_key: &str| (access_key == "fme2na3kdi3ki").then_some(&secret);
///
/// let headers = verify_request(fields, body, 1_655_710_885_000, known)?;
/// assert_eq!((headers.access_key, headers.biz_type, headers.action), ("fme2na3kdi3ki", "1", "send"));
///
/// let late = verify_request(fields, body, 1_655_710_999_000, known).unwrap_err();
/// assert_eq!(late.code(), 1004);
/// # Ok::<(), AuthError>(())
/// ```
///
/// # Errors
/// [`AuthError`]; its [`code`](AuthError::code) is what the platform answers.
pub fn verify_request<'a, S>(
    fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
    now_ms: u64,
    secrets: impl FnOnce(&'a str) -> S,
) -> Result<SignedHeaders<'a>, AuthError>
where
    S: IntoIterator,
    S::Item: Borrow<Secret>,
{
    let headers = SignatureHeaders::from_fields(fields).read()?;
    headers.verify(body.into(), now_ms, TOLERANCE_MS, secrets)?;
    Ok(headers)
}

/// The headers of a signature as they came, complete or not. `Debug` shows which are there and no value.
///
/// ```
/// use numcheck_signing::SignatureHeaders;
///
/// let fields: [(&str, &[u8]); 2] = [("host", b"api.example.org"), ("content-type", b"application/json")];
/// assert!(SignatureHeaders::from_fields(fields).is_unsigned());
/// ```
#[derive(Clone, Copy, Default)]
pub struct SignatureHeaders<'a> {
    access_key: Option<&'a [u8]>,
    ts: Option<&'a [u8]>,
    biz_type: Option<&'a [u8]>,
    action: Option<&'a [u8]>,
    sign: Option<&'a [u8]>,
    algorithm: Option<&'a [u8]>,
    repeated: Option<&'static str>,
}

impl<'a> SignatureHeaders<'a> {
    /// Picks them out of all header fields of a request, names in any case. Other fields are passed over.
    pub fn from_fields(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            let places = [
                (header::ACCESS_KEY, &mut headers.access_key),
                (header::TS, &mut headers.ts),
                (header::BIZ_TYPE, &mut headers.biz_type),
                (header::ACTION, &mut headers.action),
                (header::SIGN, &mut headers.sign),
                (header::ALGORITHM, &mut headers.algorithm),
            ];
            if let Some((known, place)) =
                places.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
                && place.replace(value).is_some()
            {
                // Which of two would count, the sender and a proxy may see differently.
                headers.repeated = Some(known);
            }
        }
        headers
    }

    /// Whether there is nothing of a signature. The algorithm alone is none: it has a default.
    pub fn is_unsigned(&self) -> bool {
        [self.access_key, self.ts, self.biz_type, self.action, self.sign].iter().all(Option::is_none)
    }

    /// The headers as text, when all that are required are there once and can be signed.
    ///
    /// # Errors
    /// [`AuthError::MissingHeader`] before all others, then [`AuthError::RepeatedHeader`], [`AuthError::MalformedHeader`] and
    /// [`AuthError::UnknownAlgorithm`].
    pub fn read(&self) -> Result<SignedHeaders<'a>, AuthError> {
        self.read_as(|name| Ok(name.parse()?), false)
    }

    /// The same of a callback that the platform makes. The vendor's published verifier decides what is accepted: a `sign` in any case, and
    /// the hash of [`Algorithm::from_callback`].
    ///
    /// # Errors
    /// Those of [`read`](Self::read), without [`AuthError::UnknownAlgorithm`].
    pub fn read_callback(&self) -> Result<SignedHeaders<'a>, AuthError> {
        self.read_as(|name| Ok(Algorithm::from_callback(name)), true)
    }

    fn read_as(
        &self,
        algorithm: impl FnOnce(&str) -> Result<Algorithm, AuthError>,
        any_case: bool,
    ) -> Result<SignedHeaders<'a>, AuthError> {
        let required = |name, value: Option<&'a [u8]>| match value {
            Some(value) if !value.is_empty() => Ok((name, value)),
            _ => Err(AuthError::MissingHeader(name)),
        };
        let access_key = required(header::ACCESS_KEY, self.access_key)?;
        let ts = required(header::TS, self.ts)?;
        let biz_type = required(header::BIZ_TYPE, self.biz_type)?;
        let action = required(header::ACTION, self.action)?;
        let sign = required(header::SIGN, self.sign)?;
        if let Some(name) = self.repeated {
            return Err(AuthError::RepeatedHeader(name));
        }
        Ok(SignedHeaders {
            access_key: text(access_key)?,
            ts: text(ts)?,
            biz_type: text(biz_type)?,
            action: text(action)?,
            sign: text(sign)?,
            algorithm: match self.algorithm {
                None => Algorithm::default(),
                Some(name) => algorithm(text((header::ALGORITHM, name))?)?,
            },
            any_case,
        })
    }
}

/// A value that cannot move a border inside the signed text, which has no escaping.
fn text<'a>((name, value): (&'static str, &'a [u8])) -> Result<&'a str, AuthError> {
    match core::str::from_utf8(value) {
        Ok(text) if !text.contains(['&', '=']) => Ok(text),
        _ => Err(AuthError::MalformedHeader(name)),
    }
}

impl fmt::Debug for SignatureHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key, ts, biz_type, action, sign, algorithm, repeated } = self;
        f.debug_struct("SignatureHeaders")
            .field("access_key", &access_key.is_some())
            .field("ts", &ts.is_some())
            .field("biz_type", &biz_type.is_some())
            .field("action", &action.is_some())
            .field("sign", &sign.is_some())
            .field("algorithm", &algorithm.is_some())
            .field("repeated", repeated)
            .finish()
    }
}

/// The headers of a signature, complete, each once. That they are true is what [`verify`](Self::verify) finds out. `Debug` hides the signature.
///
/// ```
/// use numcheck_signing::{Body, Secret, SignatureHeaders, Signer, TOLERANCE_MS};
///
/// let secret = Secret::from("abciiiko2k3");
/// let request = Signer::new("fme2na3kdi3ki", &secret).sign("1", "send", Body::Multipart, 1_655_710_885_431);
/// let fields = request.fields().map(|(name, value)| (name, value.as_bytes()));
///
/// // The steps of `verify_request`, for a form of several parts, which is signed without its body.
/// let headers = SignatureHeaders::from_fields(fields).read()?;
/// headers.verify(Body::Multipart, 1_655_710_885_999, TOLERANCE_MS, |_| Some(&secret))?;
/// # Ok::<(), numcheck_signing::AuthError>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SignedHeaders<'a> {
    /// Who calls.
    pub access_key: &'a str,
    /// Unix time in milliseconds, as it came.
    pub ts: &'a str,
    /// The business.
    pub biz_type: &'a str,
    /// The operation.
    pub action: &'a str,
    /// The signature.
    pub sign: &'a str,
    /// The hash.
    pub algorithm: Algorithm,
    /// Whether `sign` may have capital digits.
    any_case: bool,
}

impl<'a> SignedHeaders<'a> {
    /// What was signed, with this body.
    pub fn input(&self, body: Body<'a>) -> Input<'a> {
        let Self { access_key, ts, biz_type, action, .. } = *self;
        Input { access_key, action, biz_type, ts, body }
    }

    /// Verifies access key, age and signature, in the order in which the platform is assumed to: 1005, 1004, 1003. With several secrets one must
    /// fit. The signature is compared in constant time.
    ///
    /// # Errors
    /// [`AuthError::UnknownAccessKey`] when `secrets` gives none, then [`AuthError::Stale`] and [`AuthError::BadSignature`].
    pub fn verify<S>(
        &self,
        body: Body<'_>,
        now_ms: u64,
        tolerance_ms: u64,
        secrets: impl FnOnce(&'a str) -> S,
    ) -> Result<(), AuthError>
    where
        S: IntoIterator,
        S::Item: Borrow<Secret>,
    {
        let mut verdict = Err(AuthError::UnknownAccessKey);
        for secret in secrets(self.access_key) {
            check_freshness(self.ts, now_ms, tolerance_ms)?;
            verdict = self.verify_signature(body, secret.borrow());
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }

    /// Verifies the signature alone, whatever its age, in constant time.
    ///
    /// # Errors
    /// [`AuthError::BadSignature`].
    pub fn verify_signature(&self, body: Body<'_>, secret: &Secret) -> Result<(), AuthError> {
        let input = SignedHeaders::input(self, body);
        Ok(if self.any_case {
            verify_any_case(&input, secret, self.algorithm, self.sign)
        } else {
            verify(&input, secret, self.algorithm, self.sign)
        }?)
    }
}

impl fmt::Debug for SignedHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedHeaders")
            .field("access_key", &self.access_key)
            .field("ts", &self.ts)
            .field("biz_type", &self.biz_type)
            .field("action", &self.action)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why the caller of a request is not believed. It says nothing of a secret, a signature or a body. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// A required header is absent or empty: 1001.
    MissingHeader(&'static str),
    /// A header stands twice, so that a proxy and a server may go by different ones: 1002.
    RepeatedHeader(&'static str),
    /// A header is no text, or holds `&` or `=`, which the signed text cannot tell from its own: 1002.
    MalformedHeader(&'static str),
    /// The `algorithm` header names no known hash: 1002.
    UnknownAlgorithm(UnknownAlgorithm),
    /// No secret is known for the access key: 1005.
    UnknownAccessKey,
    /// `ts` is too far from now, or no time: 1004.
    Stale(StaleError),
    /// The signature is no signature, or of something else: 1003.
    BadSignature(VerifyError),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(f, "the header {name} is absent or empty"),
            Self::RepeatedHeader(name) => write!(f, "the header {name} stands twice: send it once"),
            Self::MalformedHeader(name) => {
                write!(f, "the header {name} is not UTF-8 or holds `&` or `=`, which cannot be signed")
            }
            Self::UnknownAlgorithm(error) => error.fmt(f),
            Self::UnknownAccessKey => {
                f.write_str("the accessKey is not known here: check which account it is of")
            }
            Self::Stale(error) => error.fmt(f),
            Self::BadSignature(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AuthError {}

impl From<UnknownAlgorithm> for AuthError {
    fn from(error: UnknownAlgorithm) -> Self {
        Self::UnknownAlgorithm(error)
    }
}

impl From<StaleError> for AuthError {
    fn from(error: StaleError) -> Self {
        Self::Stale(error)
    }
}

impl From<VerifyError> for AuthError {
    fn from(error: VerifyError) -> Self {
        Self::BadSignature(error)
    }
}

impl AuthError {
    /// The result code that the platform answers with, 1001 to 1005. Source: "API Interface Invocation Convention".
    pub const fn code(self) -> i64 {
        match self {
            Self::MissingHeader(_) => 1001,
            Self::RepeatedHeader(_) | Self::MalformedHeader(_) | Self::UnknownAlgorithm(_) => 1002,
            Self::BadSignature(_) => 1003,
            Self::Stale(_) => 1004,
            Self::UnknownAccessKey => 1005,
        }
    }
}
