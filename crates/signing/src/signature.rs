//! Sign and verify.

use core::fmt;

use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{Algorithm, Input, Secret};

/// Signs the exact bytes that will be sent.
///
/// The result is good while the platform takes `ts` as fresh, that is for 60 s: sign again in every attempt.
/// Costs no allocation and no copy of the body. A signature is no promise that the platform knows the access key.
///
/// ```
/// use numcheck_signing::{Algorithm, Body, Input, Secret, sign};
///
/// let body = Body::Json(br#"{"id":10001}"#);
/// let input = Input { access_key: "fme2na3kdi3ki", action: "send", biz_type: "1", ts: "1655710885431", body };
/// let secret = Secret::from("abciiiko2k3");
/// let signature = sign(&input, &secret, Algorithm::Sha256);
/// assert_eq!(signature.as_str().len(), 64);
/// ```
pub fn sign(input: &Input<'_>, secret: &Secret, algorithm: Algorithm) -> Signature {
    match algorithm {
        Algorithm::Md5 => Signature::from_digest(&digest::<Md5>(input, secret)),
        Algorithm::Sha256 => Signature::from_digest(&digest::<Sha256>(input, secret)),
    }
}

/// Checks a received signature, in constant time for a given length.
///
/// Only what the convention describes is accepted: lower-case hex digits, exactly as many as the algorithm has.
/// Says nothing about the age of the request: see [`check_freshness`](crate::check_freshness).
///
/// ```
/// use numcheck_signing::{Algorithm, Body, Input, Secret, sign, verify};
///
/// let body = Body::Json(br#"{"id":10001}"#);
/// let input = Input { access_key: "fme2na3kdi3ki", action: "send", biz_type: "1", ts: "1655710885431", body };
/// let secret = Secret::from("abciiiko2k3");
/// let signature = sign(&input, &secret, Algorithm::Sha256);
/// assert!(verify(&input, &secret, Algorithm::Sha256, signature.as_str()).is_ok());
/// let changed = Input { body: Body::Json(br#"{"id":10002}"#), ..input };
/// assert!(verify(&changed, &secret, Algorithm::Sha256, signature.as_str()).is_err());
/// ```
///
/// # Errors
///
/// [`VerifyError::Malformed`] when `sign` cannot be a signature of that algorithm, else
/// [`VerifyError::Mismatch`]. To the caller on the wire both are the same, code 1003.
pub fn verify(
    input: &Input<'_>,
    secret: &Secret,
    algorithm: Algorithm,
    sign: &str,
) -> Result<(), VerifyError> {
    if sign.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(VerifyError::Malformed);
    }
    verify_any_case(input, secret, algorithm, sign)
}

/// [`verify`], with capital digits accepted.
pub(crate) fn verify_any_case(
    input: &Input<'_>,
    secret: &Secret,
    algorithm: Algorithm,
    sign: &str,
) -> Result<(), VerifyError> {
    let mut theirs = Signature { hex: [0; 64], len: algorithm.hex_len() };
    match theirs.hex.get_mut(..theirs.len) {
        Some(hex) if hex.len() == sign.len() && sign.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            hex.copy_from_slice(sign.as_bytes());
            hex.make_ascii_lowercase();
        }
        _ => return Err(VerifyError::Malformed),
    }
    let ours = self::sign(input, secret, algorithm);
    match bool::from(ours.as_str().as_bytes().ct_eq(theirs.as_str().as_bytes())) {
        true => Ok(()),
        false => Err(VerifyError::Mismatch),
    }
}

/// A signature as it is sent: lower-case hex digits, held inline.
///
/// Whoever holds it with its request can repeat that request until its `ts` is too old, so `Debug` does not show
/// it; `Display` is the header's value.
#[derive(Clone, Copy)]
pub struct Signature {
    hex: [u8; 64],
    len: usize,
}

impl Signature {
    /// The value of the `sign` header.
    pub fn as_str(&self) -> &str {
        // Neither default is ever taken: `from_digest` writes hex digits only, and no more than fit.
        core::str::from_utf8(self.hex.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }

    fn from_digest(digest: &[u8]) -> Self {
        let mut signature = Self { hex: [0; 64], len: digest.len() * 2 };
        if let Some(hex) = signature.hex.get_mut(..signature.len) {
            // Fails on a wrong length alone, and this is the right one.
            let _ = hex::encode_to_slice(digest, hex);
        }
        signature
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(***)")
    }
}

/// Why a received signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// Not lower-case hex digits of the algorithm's length.
    Malformed,
    /// A well-formed signature, of something else.
    Mismatch,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "the sign header is no signature: expected 32 (md5) or 64 (sha256) lower-case hex digits"
            }
            Self::Mismatch => {
                "the signature is of something else: compare the secret, the headers and the exact bytes of the body"
            }
        })
    }
}

impl core::error::Error for VerifyError {}

/// Streams the text through the hash, so that no body is ever copied.
fn digest<D: Digest>(input: &Input<'_>, secret: &Secret) -> md5::digest::Output<D> {
    let mut hash = D::new();
    input.feed(|part| hash.update(part));
    hash.update(secret.expose().as_bytes());
    hash.finalize()
}
