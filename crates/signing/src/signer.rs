//! A request to be sent: its headers, in one call.

use core::fmt;

use crate::{Algorithm, Body, Input, Secret, Signature, header, sign};

/// Signs the requests of one account, for clients that send by themselves. `Debug` hides the secret.
///
/// ```
/// use numcheck_signing::{Secret, Signer, verify_request};
///
/// let secret = Secret::from("abciiiko2k3");
/// let body = r#"{"name":"牛小信","id":10001}"#.as_bytes();
/// let request = Signer::new("fme2na3kdi3ki", &secret).sign("1", "send", body.into(), 1_655_710_885_431);
/// for (name, value) in request.fields() {
///     println!("a header of the request: {name}, {} characters", value.len());
/// }
///
/// let fields = request.fields().map(|(name, value)| (name, value.as_bytes()));
/// assert!(verify_request(fields, body, 1_655_710_885_999, |_| Some(&secret)).is_ok());
/// ```
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    access_key: &'a str,
    secret: &'a Secret,
    algorithm: Algorithm,
}

impl<'a> Signer<'a> {
    /// Signs for this account, by MD5, which every account takes.
    pub fn new(access_key: &'a str, secret: &'a Secret) -> Self {
        Self { access_key, secret, algorithm: Algorithm::default() }
    }

    /// Signs by another hash.
    pub fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// The headers of a request that sends exactly these bytes, at `now_ms` (Unix time in milliseconds).
    ///
    /// Allocates nothing. Good for 60 s: sign again in every attempt. `biz_type` and `action` are fixed per endpoint.
    pub fn sign(self, biz_type: &'a str, action: &'a str, body: Body<'_>, now_ms: u64) -> SignedRequest<'a> {
        let Self { access_key, secret, algorithm } = self;
        let ts = Digits::new(now_ms);
        let input = Input { access_key, action, biz_type, ts: ts.as_str(), body };
        let sign = sign(&input, secret, algorithm);
        SignedRequest { access_key, ts, biz_type, action, sign, algorithm }
    }
}

impl fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The headers of a signed request. Who holds them with the body can repeat it while its `ts` is fresh, so `Debug` shows none.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    access_key: &'a str,
    ts: Digits,
    biz_type: &'a str,
    action: &'a str,
    sign: Signature,
    algorithm: Algorithm,
}

impl SignedRequest<'_> {
    /// The header fields to send, by name and value. The algorithm is among them only where it is not the default.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let algorithm = (self.algorithm != Algorithm::default()).then(|| self.algorithm.as_str());
        [
            (header::ACCESS_KEY, self.access_key),
            (header::TS, self.ts.as_str()),
            (header::BIZ_TYPE, self.biz_type),
            (header::ACTION, self.action),
            (header::SIGN, self.sign.as_str()),
        ]
        .into_iter()
        .chain(algorithm.map(|algorithm| (header::ALGORITHM, algorithm)))
    }
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest").field("ts", &self.ts.as_str()).finish_non_exhaustive()
    }
}

/// A number in decimal digits, held inline: `u64::MAX` has 20.
#[derive(Clone, Copy)]
struct Digits {
    digits: [u8; 20],
    start: usize,
}

impl Digits {
    fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            start = at;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    fn as_str(&self) -> &str {
        // Neither default is ever taken: all of it are digits.
        core::str::from_utf8(self.digits.get(self.start..).unwrap_or_default()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::Digits;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 7, 10, 99, 1_655_710_885_431, u64::MAX - 1, u64::MAX] {
            assert_eq!(Digits::new(number).as_str(), number.to_string());
        }
    }
}
