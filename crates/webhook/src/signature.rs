//! Whether a push is signed by the account, where it carries the headers of a signature.
//!
//! It reads no clock: the time is an argument. It must not show a secret, a signature or a byte of a body, and it must not judge a push
//! for what it says.

use std::fmt;

use numcheck_signing::{Algorithm, Body, Input, Secret, TOLERANCE_MS, check_freshness, header, verify};

/// The headers of a signature, as they came. `Debug` shows which are there and no value.
#[derive(Clone, Copy, Default)]
pub struct SignatureHeaders<'a> {
    access_key: Option<&'a [u8]>,
    ts: Option<&'a [u8]>,
    biz_type: Option<&'a [u8]>,
    action: Option<&'a [u8]>,
    sign: Option<&'a [u8]>,
    algorithm: Option<&'a [u8]>,
    repeated: bool,
}

impl<'a> SignatureHeaders<'a> {
    /// Picks them out of all header fields of a request, names in any case. Other fields are passed over.
    pub fn of(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
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
            if let Some((_, place)) = places.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                // Which of two would count, the sender and a proxy may see differently.
                let before = place.replace(value);
                headers.repeated |= before.is_some();
            }
        }
        headers
    }

    /// The five that the calling convention demands. The algorithm is no mark of a signature: it has a default.
    fn required(&self) -> [Option<&'a [u8]>; 5] {
        [self.access_key, self.ts, self.biz_type, self.action, self.sign]
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

/// Checks the signatures of pushes. Pure: no clock, no state. `Debug` shows no secret.
///
/// No document says that number check signs its pushes; the vendor signs those of WhatsApp and DID with the headers of its calling
/// convention. So a signature is checked where there is one, and required only on request. `bizType` and `action` are signed and otherwise
/// not looked at: which ones a push would have is not known.
///
/// A signature does not prevent that a push is sent again by whoever read it along: storing is idempotent, and TLS keeps readers away.
#[derive(Clone, Debug)]
pub struct PushVerifier {
    accounts: Vec<(String, Secret)>,
    required: bool,
    tolerance_ms: u64,
}

impl PushVerifier {
    /// The tolerance with which a result that is tried for the last time, 60 minutes after the first, is still fresh under the signature of
    /// the first. Whether the platform signs retries anew, no document says; storing is idempotent, so a longer time costs little.
    pub const RETRIES_MS: u64 = 62 * 60_000;

    /// Accepts the signatures of this account.
    pub fn new(access_key: &str, secret: Secret) -> Self {
        Self { accounts: vec![(access_key.to_owned(), secret)], required: false, tolerance_ms: TOLERANCE_MS }
    }

    /// Accepts those of another account, too; or of the same under another secret, while a secret is replaced.
    #[must_use]
    pub fn with_account(mut self, access_key: &str, secret: Secret) -> Self {
        self.accounts.push((access_key.to_owned(), secret));
        self
    }

    /// Refuses pushes that are not signed.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// How far `ts` may be off, either way, in milliseconds; [`TOLERANCE_MS`], a minute, otherwise. A platform that sends its retries
    /// with the signature of the first attempt needs [`PushVerifier::RETRIES_MS`].
    #[must_use]
    pub fn with_tolerance_ms(mut self, tolerance_ms: u64) -> Self {
        self.tolerance_ms = tolerance_ms;
        self
    }

    /// Judges a push by its headers, the exact bytes of its body, and the time (Unix, in milliseconds). The signature
    /// is compared in constant time.
    ///
    /// # Errors
    /// When the push must not be taken in: answer [`BadSignature::status`], and the platform comes again.
    pub fn check(
        &self,
        headers: &SignatureHeaders<'_>,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Verdict, BadSignature> {
        if headers.required().iter().all(Option::is_none) {
            return if self.required { Err(BadSignature::Missing) } else { Ok(Verdict::Unsigned) };
        }
        let [access_key, ts, biz_type, action, sign] =
            headers.required().map(|value| value.filter(|value| !value.is_empty()));
        let (Some(access_key), Some(ts), Some(biz_type), Some(action), Some(sign)) =
            (access_key, ts, biz_type, action, sign)
        else {
            return Err(BadSignature::Incomplete);
        };
        if headers.repeated {
            return Err(BadSignature::Malformed);
        }
        let (ts, biz_type, action) = (signed_value(ts)?, signed_value(biz_type)?, signed_value(action)?);
        let sign = text(sign)?;
        let algorithm = match headers.algorithm {
            None => Algorithm::Md5,
            Some(name) => text(name)?.parse().map_err(|_| BadSignature::Malformed)?,
        };
        let mut known = self.accounts.iter().filter(|(key, _)| key.as_bytes() == access_key).peekable();
        if known.peek().is_none() {
            return Err(BadSignature::UnknownKey);
        }
        check_freshness(ts, now_ms, self.tolerance_ms).map_err(|_| BadSignature::Stale)?;
        let body = if body.is_empty() { Body::Empty } else { Body::Json(body) };
        let fits = |(key, secret): &(String, Secret)| {
            verify(&Input { access_key: key, action, biz_type, ts, body }, secret, algorithm, sign).is_ok()
        };
        if known.any(fits) { Ok(Verdict::Verified) } else { Err(BadSignature::Wrong) }
    }
}

fn text(value: &[u8]) -> Result<&str, BadSignature> {
    std::str::from_utf8(value).map_err(|_| BadSignature::Malformed)
}

/// A value that cannot move a border inside the signed text, which has no escaping.
fn signed_value(value: &[u8]) -> Result<&str, BadSignature> {
    text(value)
        .and_then(|text| if text.contains(['&', '=']) { Err(BadSignature::Malformed) } else { Ok(text) })
}

/// What is known of the sender of a push that is taken in. Closed on purpose: these are both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The account's signature fits the body, and is fresh.
    Verified,
    /// There is no signature, and none is required.
    Unsigned,
}

/// Why a push is not taken in. None of these says anything about the secret or the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BadSignature {
    /// There is no signature, and one is required.
    #[error(
        "a push is not signed, and this receiver requires it; check that the platform signs for this account"
    )]
    Missing,
    /// Some of the five headers are there and some are not, or are empty.
    #[error(
        "a push holds a part of a signature's headers; check that no proxy removes accessKey, ts, bizType, action or sign"
    )]
    Incomplete,
    /// A header stands twice, is no text, or cannot be signed.
    #[error(
        "a push holds headers of a signature that nobody can sign; check what stands between the platform and here"
    )]
    Malformed,
    /// The access key is not of an account of this receiver.
    #[error("a push is signed for another access key; check which account this receiver is for")]
    UnknownKey,
    /// `ts` is too far from the time here, or no time.
    #[error("a push is signed with a time that is too far off; check this machine's clock")]
    Stale,
    /// The signature is of something else.
    #[error(
        "a push has a signature that is not the account's; check the secret, and that no proxy changes bodies"
    )]
    Wrong,
}

impl BadSignature {
    /// The HTTP status to answer with, and an empty body: 401 for each, so that whoever tries learns nothing from it.
    pub fn status(self) -> u16 {
        401
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use numcheck_signing::sign;
    use proptest::prelude::*;

    const KEY: &str = "fme2na3kdi3ki";
    const NOW: u64 = 1_655_710_885_431;

    fn secret() -> Secret {
        Secret::from("abciiiko2k3")
    }

    fn verifier() -> PushVerifier {
        PushVerifier::new(KEY, secret())
    }

    /// The fields of a push signed at a time.
    fn signed(body: &[u8], ts: u64, algorithm: Algorithm) -> Vec<(&'static str, Vec<u8>)> {
        let ts = ts.to_string();
        let body = if body.is_empty() { Body::Empty } else { Body::Json(body) };
        let input = Input { access_key: KEY, action: "numbercheck", biz_type: "1", ts: &ts, body };
        let sign = sign(&input, &secret(), algorithm).to_string();
        let mut fields = vec![
            ("accesskey", KEY.as_bytes().to_vec()),
            ("ts", ts.into_bytes()),
            ("bizType", b"1".to_vec()),
            ("action", b"numbercheck".to_vec()),
            ("sign", sign.into_bytes()),
        ];
        if algorithm == Algorithm::Sha256 {
            fields.push(("algorithm", b"sha256".to_vec()));
        }
        fields
    }

    fn check(fields: &[(&'static str, Vec<u8>)], body: &[u8], now_ms: u64) -> Result<Verdict, BadSignature> {
        check_with(&verifier(), fields, body, now_ms)
    }

    fn check_with(
        verifier: &PushVerifier,
        fields: &[(&'static str, Vec<u8>)],
        body: &[u8],
        now_ms: u64,
    ) -> Result<Verdict, BadSignature> {
        let headers = SignatureHeaders::of(fields.iter().map(|(name, value)| (*name, value.as_slice())));
        verifier.check(&headers, body, now_ms)
    }

    #[test]
    fn the_vendors_vector_is_verified() {
        let fields: [(&str, &[u8]); 7] = [
            ("Content-Type", b"application/json"),
            ("accessKey", KEY.as_bytes()),
            ("ts", b"1655710885431"),
            ("bizType", b"1"),
            ("action", b"send"),
            ("sign", b"87c3560d3331ae23f1021e2025722354"),
            ("Host", b"h"),
        ];
        let body = r#"{"name":"牛小信","id":10001}"#;
        assert_eq!(
            verifier().check(&SignatureHeaders::of(fields), body.as_bytes(), NOW),
            Ok(Verdict::Verified)
        );
    }

    #[test]
    fn without_headers_nothing_is_required_unless_it_is() {
        let other = [("host", b"h".to_vec()), ("algorithm", b"md5".to_vec())];
        assert_eq!(check(&other, b"{}", NOW), Ok(Verdict::Unsigned));
        let strict = verifier().required();
        assert_eq!(check_with(&strict, &other, b"{}", NOW), Err(BadSignature::Missing));
        assert_eq!(
            check_with(&strict, &signed(b"{}", NOW, Algorithm::Md5), b"{}", NOW),
            Ok(Verdict::Verified)
        );
    }

    #[test]
    fn a_part_of_a_signature_is_never_none() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            for missing in 0..5 {
                let mut fields = signed(b"{}", NOW, algorithm);
                fields[missing].1.clear();
                assert_eq!(check(&fields, b"{}", NOW), Err(BadSignature::Incomplete), "{missing} is empty");
                fields.remove(missing);
                assert_eq!(check(&fields, b"{}", NOW), Err(BadSignature::Incomplete), "{missing} is gone");
                let alone = signed(b"{}", NOW, algorithm).swap_remove(missing);
                assert_eq!(check(&[alone], b"{}", NOW), Err(BadSignature::Incomplete), "{missing} is alone");
            }
        }
    }

    #[test]
    fn a_signature_is_fresh_for_a_minute_either_way() {
        let fields = signed(b"{}", NOW, Algorithm::Md5);
        for (now_ms, fresh) in
            [(NOW - 60_001, false), (NOW - 60_000, true), (NOW + 60_000, true), (NOW + 60_001, false)]
        {
            let expected = if fresh { Ok(Verdict::Verified) } else { Err(BadSignature::Stale) };
            assert_eq!(check(&fields, b"{}", now_ms), expected, "{now_ms}");
        }
        let patient = verifier().with_tolerance_ms(3_600_000);
        assert_eq!(check_with(&patient, &fields, b"{}", NOW + 3_600_000), Ok(Verdict::Verified));
    }

    #[test]
    fn whoever_else_signs_is_refused() {
        let fields = signed(b"{}", NOW, Algorithm::Md5);
        let other_secret = PushVerifier::new(KEY, Secret::from("another"));
        assert_eq!(check_with(&other_secret, &fields, b"{}", NOW), Err(BadSignature::Wrong));
        let other_key = PushVerifier::new("another", secret());
        assert_eq!(check_with(&other_key, &fields, b"{}", NOW), Err(BadSignature::UnknownKey));
        let both = other_secret.with_account("another", secret()).with_account(KEY, secret());
        assert_eq!(check_with(&both, &fields, b"{}", NOW), Ok(Verdict::Verified));
    }

    #[test]
    fn a_header_that_stands_twice_or_moves_a_border_is_refused() {
        let mut twice = signed(b"{}", NOW, Algorithm::Md5);
        twice.push(("Sign", twice[4].1.clone()));
        assert_eq!(check(&twice, b"{}", NOW), Err(BadSignature::Malformed));
        let mut moved = signed(b"{}", NOW, Algorithm::Md5);
        moved[3].1 = b"numbercheck&bizType=1".to_vec();
        assert_eq!(check(&moved, b"{}", NOW), Err(BadSignature::Malformed));
        let mut unknown = signed(b"{}", NOW, Algorithm::Md5);
        unknown.push(("algorithm", b"sha1".to_vec()));
        assert_eq!(check(&unknown, b"{}", NOW), Err(BadSignature::Malformed));
    }

    #[test]
    fn nothing_of_secret_signature_or_body_is_shown() {
        let fields = signed(b"{\"phone\":\"85212345678\"}", NOW, Algorithm::Md5);
        let headers = SignatureHeaders::of(fields.iter().map(|(name, value)| (*name, value.as_slice())));
        let sign = String::from_utf8(fields[4].1.clone()).unwrap();
        let shown = format!("{headers:?} {:?}", verifier());
        assert!(!shown.contains(&sign) && !shown.contains("abciiiko2k3"), "{shown}");
    }

    fn algorithms() -> impl Strategy<Value = Algorithm> {
        prop_oneof![Just(Algorithm::Md5), Just(Algorithm::Sha256)]
    }

    proptest! {
        #[test]
        fn any_changed_byte_of_the_body_fails(
            body in prop::collection::vec(any::<u8>(), 1..200),
            place in any::<prop::sample::Index>(),
            change in 1..=255_u8,
            algorithm in algorithms(),
        ) {
            let fields = signed(&body, NOW, algorithm);
            prop_assert_eq!(check(&fields, &body, NOW), Ok(Verdict::Verified));
            let mut changed = body.clone();
            changed[place.index(body.len())] ^= change;
            prop_assert_eq!(check(&fields, &changed, NOW), Err(BadSignature::Wrong));
            let (longer, shorter) = ([&body[..], b" "].concat(), &body[..body.len() - 1]);
            prop_assert_eq!(check(&fields, &longer, NOW), Err(BadSignature::Wrong));
            prop_assert_eq!(check(&fields, shorter, NOW), Err(BadSignature::Wrong));
        }

        #[test]
        fn any_changed_byte_of_a_header_fails(
            body in prop::collection::vec(any::<u8>(), 0..50),
            field in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(),
            change in 1..=255_u8,
            algorithm in algorithms(),
        ) {
            let mut fields = signed(&body, NOW, algorithm);
            let at = field.index(fields.len());
            let value = &mut fields[at].1;
            let place = place.index(value.len());
            value[place] ^= change;
            prop_assert!(check(&fields, &body, NOW).is_err(), "{}", fields[at].0);
        }

        #[test]
        fn whatever_comes_is_judged_without_a_panic_and_never_verified(
            values in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 6),
            body in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let names = ["accessKey", "ts", "bizType", "action", "sign", "algorithm"];
            let fields: Vec<(&str, Vec<u8>)> =
                names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
            prop_assert_ne!(check(&fields, &body, NOW), Ok(Verdict::Verified));
        }
    }
}
