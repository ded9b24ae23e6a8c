//! A signature is of these inputs and no others: any flipped bit, anywhere, makes it fail.

use numcheck_signing::{Algorithm, Body, Input, Secret, VerifyError, sign, verify};
use proptest::prelude::*;

/// Everything that goes into a signature, owned, so that a test can change any bit of it.
#[derive(Clone, Debug)]
struct Request {
    /// Access key, action, business type, time, secret: each its own field of text.
    texts: [String; 5],
    body: Kind,
    algorithm: Algorithm,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Json(Vec<u8>),
    Empty,
    Multipart,
}

impl Request {
    fn input(&self) -> Input<'_> {
        let [access_key, action, biz_type, ts, _] = &self.texts;
        let body = match &self.body {
            Kind::Json(bytes) => Body::Json(bytes),
            Kind::Empty => Body::Empty,
            Kind::Multipart => Body::Multipart,
        };
        Input { access_key, action, biz_type, ts, body }
    }

    fn secret(&self) -> Secret {
        Secret::from(self.texts[4].as_str())
    }

    fn sign(&self) -> String {
        sign(&self.input(), &self.secret(), self.algorithm).to_string()
    }

    fn verify(&self, sign: &str) -> Result<(), VerifyError> {
        verify(&self.input(), &self.secret(), self.algorithm, sign)
    }
}

/// ASCII, so that a text with its lowest bits changed is still text.
fn text() -> impl Strategy<Value = String> {
    "[ -~]{1,40}"
}

fn request() -> impl Strategy<Value = Request> {
    let body = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..300).prop_map(Kind::Json),
        1 => Just(Kind::Json(b"{}".to_vec())),
        1 => Just(Kind::Empty),
        1 => Just(Kind::Multipart),
    ];
    let algorithm = prop_oneof![Just(Algorithm::Md5), Just(Algorithm::Sha256)];
    ([text(), text(), text(), text(), text()], body, algorithm).prop_map(|(texts, body, algorithm)| Request {
        texts,
        body,
        algorithm,
    })
}

fn flip(text: &str, at: prop::sample::Index, bit: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    *at.get_mut(&mut bytes) ^= 1 << bit;
    String::from_utf8(bytes).expect("ASCII with one of seven bits changed is ASCII")
}

proptest! {
    #[test]
    fn what_was_signed_verifies(request in request()) {
        prop_assert_eq!(request.verify(&request.sign()), Ok(()));
    }

    #[test]
    fn a_flipped_bit_of_a_header_or_of_the_secret_fails(
        request in request(), which in 0..5usize, at: prop::sample::Index, bit in 0..7u8,
    ) {
        let sign = request.sign();
        let mut changed = request.clone();
        changed.texts[which] = flip(&request.texts[which], at, bit);
        prop_assert_eq!(changed.verify(&sign), Err(VerifyError::Mismatch));
    }

    #[test]
    fn a_flipped_bit_of_the_body_fails(request in request(), at: prop::sample::Index, bit in 0..8u8) {
        let Kind::Json(body) = &request.body else { return Ok(()) };
        let sign = request.sign();
        let mut body = body.clone();
        *at.get_mut(&mut body) ^= 1 << bit;
        let changed = Request { body: Kind::Json(body), ..request };
        prop_assert_eq!(changed.verify(&sign), Err(VerifyError::Mismatch));
    }

    #[test]
    fn a_flipped_bit_of_the_signature_fails(request in request(), at: prop::sample::Index, bit in 0..7u8) {
        prop_assert!(request.verify(&flip(&request.sign(), at, bit)).is_err());
    }

    #[test]
    fn a_body_does_not_pass_for_none_nor_none_for_a_body(request in request()) {
        let sign = request.sign();
        let body = match request.body {
            Kind::Json(_) => Kind::Empty,
            Kind::Empty | Kind::Multipart => Kind::Json(Vec::new()),
        };
        let changed = Request { body, ..request };
        prop_assert_eq!(changed.verify(&sign), Err(VerifyError::Mismatch));
    }

    #[test]
    fn freshness_never_panics_and_agrees_with_wide_arithmetic(ts: u64, now: u64, tolerance: u64) {
        let inside = (i128::from(ts) - i128::from(now)).unsigned_abs() <= u128::from(tolerance);
        prop_assert_eq!(numcheck_signing::check_freshness(&ts.to_string(), now, tolerance).is_ok(), inside);
    }

    #[test]
    fn freshness_of_any_text_is_an_answer_and_only_digits_pass(ts in ".{0,4}[0-9]{0,15}.{0,4}", now: u64) {
        if numcheck_signing::check_freshness(&ts, now, u64::MAX).is_ok() {
            prop_assert!(ts.bytes().all(|b| b.is_ascii_digit()));
        }
    }
}
