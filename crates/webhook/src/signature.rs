//! Whether a push is signed by the account, where it carries the headers of a signature.

use numcheck_signing::{AuthError, Secret, SignatureHeaders, TOLERANCE_MS};

/// Checks the signatures of pushes. Pure: no clock, no state. `Debug` shows no secret.
///
/// No document says that number check signs its pushes; the vendor signs those of WhatsApp and DID with the headers of its calling
/// convention. So a signature is checked where there is one, and required only on request. `bizType` and `action` are signed and otherwise
/// not looked at: which ones a push would have is not known.
///
/// A signature does not prevent that a push is sent again by whoever read it along: storing is idempotent, and TLS keeps readers away.
///
/// ```
/// use numcheck_webhook::{Gate, PushVerifier, ReceiverKey};
///
/// let key: ReceiverKey = "0123456789abcdef0123456789abcdef".parse()?;
/// let verifier = PushVerifier::new("fme2na3kdi3ki", "abciiiko2k3".into()).with_tolerance_ms(PushVerifier::RETRIES_MS);
/// let gate = Gate::new(key).verifying(verifier.required());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// is compared in constant time, and without regard to case; an `algorithm` that is not `sha256` means MD5: both as in the vendor's
    /// published verifier.
    ///
    /// # Errors
    /// When the push must not be taken in: answer [`BadSignature::status`], and the platform comes again.
    pub fn check(
        &self,
        headers: &SignatureHeaders<'_>,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Verdict, BadSignature> {
        if headers.is_unsigned() {
            return if self.required { Err(BadSignature::Missing) } else { Ok(Verdict::Unsigned) };
        }
        let secrets = |access_key| {
            self.accounts.iter().filter(move |(key, _)| key == access_key).map(|(_, secret)| secret)
        };
        headers.read_callback()?.verify(body.into(), now_ms, self.tolerance_ms, secrets)?;
        Ok(Verdict::Verified)
    }
}

/// What is known of the sender of a push that is taken in. Closed on purpose: these are both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The account's signature fits the body, and is fresh.
    Verified,
    /// There is no signature, and none is required.
    Unsigned,
}

/// Why a push is not taken in. It says nothing of a secret, a signature or a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSignature {
    /// There is no signature, and one is required.
    #[error(
        "a push is not signed, and this receiver requires it; check that the platform signs for this account"
    )]
    Missing,
    /// There is a signature, or a part of one, and it does not hold.
    #[error(
        "a push has a signature that does not hold ({0}); check this receiver's account, secret and clock, and that no proxy changes headers \
         or bodies"
    )]
    Refused(#[from] AuthError),
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
    use numcheck_signing::{Algorithm, Body, Input, StaleError, VerifyError, sign};
    use proptest::prelude::*;

    const KEY: &str = "fme2na3kdi3ki";
    const NOW: u64 = 1_655_710_885_431;

    fn secret() -> Secret {
        Secret::from("abciiiko2k3")
    }

    fn verifier() -> PushVerifier {
        PushVerifier::new(KEY, secret())
    }

    fn refused(error: AuthError) -> Result<Verdict, BadSignature> {
        Err(BadSignature::Refused(error))
    }

    const WRONG: AuthError = AuthError::BadSignature(VerifyError::Mismatch);

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
        let headers =
            SignatureHeaders::from_fields(fields.iter().map(|(name, value)| (*name, value.as_slice())));
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
            verifier().check(&SignatureHeaders::from_fields(fields), body.as_bytes(), NOW),
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
            for (missing, name) in ["accessKey", "ts", "bizType", "action", "sign"].into_iter().enumerate() {
                let incomplete = refused(AuthError::MissingHeader(name));
                let mut fields = signed(b"{}", NOW, algorithm);
                fields[missing].1.clear();
                assert_eq!(check(&fields, b"{}", NOW), incomplete, "{name} is empty");
                fields.remove(missing);
                assert_eq!(check(&fields, b"{}", NOW), incomplete, "{name} is gone");
                let alone = signed(b"{}", NOW, algorithm).swap_remove(missing);
                let judged = check(&[alone], b"{}", NOW);
                assert!(
                    matches!(judged, Err(BadSignature::Refused(AuthError::MissingHeader(other))) if other != name),
                    "{name} is alone: {judged:?}"
                );
            }
        }
    }

    #[test]
    fn a_signature_is_fresh_for_a_minute_either_way() {
        let fields = signed(b"{}", NOW, Algorithm::Md5);
        for (now_ms, fresh) in
            [(NOW - 60_001, false), (NOW - 60_000, true), (NOW + 60_000, true), (NOW + 60_001, false)]
        {
            match check(&fields, b"{}", now_ms) {
                Ok(Verdict::Verified) => assert!(fresh, "{now_ms}"),
                Err(BadSignature::Refused(AuthError::Stale(
                    StaleError::TooOld { by_ms: 60_001, .. } | StaleError::TooNew { by_ms: 60_001, .. },
                ))) => assert!(!fresh, "{now_ms}"),
                other => panic!("{now_ms}: {other:?}"),
            }
        }
        let patient = verifier().with_tolerance_ms(3_600_000);
        assert_eq!(check_with(&patient, &fields, b"{}", NOW + 3_600_000), Ok(Verdict::Verified));
    }

    #[test]
    fn whoever_else_signs_is_refused() {
        let fields = signed(b"{}", NOW, Algorithm::Md5);
        let other_secret = PushVerifier::new(KEY, Secret::from("another"));
        assert_eq!(check_with(&other_secret, &fields, b"{}", NOW), refused(WRONG));
        let other_key = PushVerifier::new("another", secret());
        assert_eq!(check_with(&other_key, &fields, b"{}", NOW), refused(AuthError::UnknownAccessKey));
        let both = other_secret.with_account("another", secret()).with_account(KEY, secret());
        assert_eq!(check_with(&both, &fields, b"{}", NOW), Ok(Verdict::Verified));
    }

    #[test]
    fn a_header_that_stands_twice_or_moves_a_border_is_refused() {
        let mut twice = signed(b"{}", NOW, Algorithm::Md5);
        twice.push(("Sign", twice[4].1.clone()));
        assert_eq!(check(&twice, b"{}", NOW), refused(AuthError::RepeatedHeader("sign")));
        let mut moved = signed(b"{}", NOW, Algorithm::Md5);
        moved[3].1 = b"numbercheck&bizType=1".to_vec();
        assert_eq!(check(&moved, b"{}", NOW), refused(AuthError::MalformedHeader("action")));
    }

    #[test]
    fn the_vendors_verifier_compares_without_case_and_takes_any_other_algorithm_for_md5() {
        for (algorithm, names) in [
            (Algorithm::Sha256, &["sha256", "SHA256", "Sha256"][..]),
            (Algorithm::Md5, &["md5", "MD5", "sha1", "sha-256", ""]),
        ] {
            for name in names {
                let mut fields = signed(b"{}", NOW, algorithm);
                fields.truncate(5);
                fields.push(("algorithm", name.as_bytes().to_vec()));
                assert_eq!(check(&fields, b"{}", NOW), Ok(Verdict::Verified), "{name}");
                fields[4].1.make_ascii_uppercase();
                assert_eq!(check(&fields, b"{}", NOW), Ok(Verdict::Verified), "{name}, capitals");
                assert_eq!(check(&fields, b"{ }", NOW), refused(WRONG), "{name}, another body");
            }
        }
    }

    #[test]
    fn nothing_of_secret_signature_or_body_is_shown() {
        let fields = signed(b"{\"phone\":\"85212345678\"}", NOW, Algorithm::Md5);
        let headers =
            SignatureHeaders::from_fields(fields.iter().map(|(name, value)| (*name, value.as_slice())));
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
            prop_assert_eq!(check(&fields, &changed, NOW), refused(WRONG));
            let (longer, shorter) = ([&body[..], b" "].concat(), &body[..body.len() - 1]);
            prop_assert_eq!(check(&fields, &longer, NOW), refused(WRONG));
            prop_assert_eq!(check(&fields, shorter, NOW), refused(WRONG));
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
            let (name, value) = &mut fields[at];
            let place = place.index(value.len());
            let before = value.clone();
            value[place] ^= change;
            // Their case does not count.
            prop_assume!(!(matches!(*name, "sign" | "algorithm") && value.eq_ignore_ascii_case(&before)));
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
