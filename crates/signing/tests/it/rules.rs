//! What the documentation of this crate promises, sentence by sentence.

use std::collections::HashSet;

use numcheck_signing::{
    Algorithm, Body, Input, Secret, StaleError, TOLERANCE_MS, VerifyError, check_freshness, sign,
    text_to_sign, verify,
};

const BODY: &[u8] = br#"{"phone":"8521234567"}"#;

fn input(body: Body<'_>) -> Input<'_> {
    Input { access_key: "key", action: "numbercheck", biz_type: "1", ts: "1655710885431", body }
}

#[test]
fn an_empty_object_is_not_an_empty_body() {
    let secret = Secret::from("s");
    let sign = |body| sign(&input(body), &secret, Algorithm::Md5).to_string();
    assert_eq!(sign(Body::Empty), sign(Body::Multipart));
    let all: HashSet<_> =
        [Body::Empty, Body::Json(b""), Body::Json(b"{}"), Body::Json(b"{ }")].map(sign).into_iter().collect();
    assert_eq!(all.len(), 4);
}

#[test]
fn verify_accepts_lower_case_hex_of_the_right_length_only() {
    let secret = Secret::from("s");
    for (algorithm, other) in [(Algorithm::Md5, Algorithm::Sha256), (Algorithm::Sha256, Algorithm::Md5)] {
        let good = sign(&input(Body::Json(BODY)), &secret, algorithm).to_string();
        let check = |sign: &str| verify(&input(Body::Json(BODY)), &secret, algorithm, sign);
        assert_eq!(good.len(), algorithm.hex_len());
        assert_eq!(check(&good), Ok(()));
        let foreign = sign(&input(Body::Json(BODY)), &secret, other).to_string();
        let malformed = [
            String::new(),
            good.to_uppercase(),
            format!("{good} "),
            format!(" {good}"),
            good[1..].to_owned(),
            format!("{good}0"),
            "g".repeat(good.len()),
            "é".repeat(good.len() / 2),
            foreign,
        ];
        for text in malformed {
            assert_eq!(check(&text), Err(VerifyError::Malformed), "{text}");
        }
        assert_eq!(check(&"0".repeat(good.len())), Err(VerifyError::Mismatch));
    }
}

#[test]
fn exactly_the_tolerance_is_inside_either_way() {
    let now = 1_655_710_885_431_u64;
    let check = |ts: u64| check_freshness(&ts.to_string(), now, TOLERANCE_MS);
    for ts in [now - 60_000, now - 1, now, now + 1, now + 60_000] {
        assert_eq!(check(ts), Ok(()), "{ts}");
    }
    assert!(matches!(check(now - 60_001), Err(StaleError::TooOld { by_ms: 60_001, .. })));
    assert!(matches!(check(now + 60_001), Err(StaleError::TooNew { by_ms: 60_001, .. })));
    assert_eq!(check(now / 1000), Err(StaleError::InSeconds), "seconds are not milliseconds");
}

#[test]
fn the_ends_of_the_number_range_do_not_overflow() {
    let max = u64::MAX.to_string();
    assert!(matches!(check_freshness(&max, 0, 1), Err(StaleError::TooNew { by_ms: u64::MAX, .. })));
    assert!(matches!(check_freshness("0", u64::MAX, 1), Err(StaleError::TooOld { by_ms: u64::MAX, .. })));
    assert_eq!(check_freshness(&max, 0, u64::MAX), Ok(()));
    assert_eq!(check_freshness("0", 0, 0), Ok(()));
}

#[test]
fn what_is_not_decimal_digits_is_an_error_of_its_own() {
    let bad = [
        "",
        " ",
        "+1655710885431",
        "-1",
        "1655710885431.0",
        "1.6e12",
        " 1655710885431",
        "1655710885431\n",
        "0x10",
        "１６",
        "18446744073709551616",
        "99999999999999999999999999",
    ];
    for ts in bad {
        assert_eq!(
            check_freshness(ts, 1_655_710_885_431, u64::MAX),
            Err(StaleError::NotMilliseconds),
            "{ts:?} is no time, however tolerant"
        );
    }
}

#[test]
fn algorithm_names_are_read_as_the_vendor_writes_them() {
    assert_eq!(Algorithm::default(), Algorithm::Md5);
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
    }
    for text in ["", "MD5", "sha-256", "sha1", "md5 "] {
        assert!(text.parse::<Algorithm>().is_err(), "{text:?}");
    }
}

#[test]
fn a_secret_and_a_body_never_print() {
    let secret = Secret::from("CANARY".to_owned());
    let signature = sign(&input(Body::Json(BODY)), &secret, Algorithm::Sha256);
    let shown =
        format!("{secret:?} {secret:#?} {:?} {:#?} {signature:?}", input(Body::Json(BODY)), Some(&secret));
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(!shown.contains("8521234567"), "{shown}");
    assert!(!shown.contains(signature.as_str()), "{shown}");
    assert!(!text_to_sign(&input(Body::Json(BODY))).contains("CANARY"));
    assert_eq!(secret.expose(), "CANARY");
}

#[test]
fn a_body_that_is_not_utf_8_is_signed_as_it_is() {
    let secret = Secret::from("s");
    let sign = |body| sign(&input(Body::Json(body)), &secret, Algorithm::Md5).to_string();
    assert_ne!(sign(b"\xff"), sign("\u{fffd}".as_bytes()), "shown alike, signed differently");
    assert_eq!(
        text_to_sign(&input(Body::Json(b"\xff"))),
        text_to_sign(&input(Body::Json("\u{fffd}".as_bytes())))
    );
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let errors: [Box<dyn std::error::Error + Send + Sync>; 6] = [
        Box::new(VerifyError::Malformed),
        Box::new(VerifyError::Mismatch),
        Box::new(StaleError::NotMilliseconds),
        Box::new(check_freshness("1", 999_999, 0).unwrap_err()),
        Box::new(check_freshness("999999", 1, 0).unwrap_err()),
        Box::new("x".parse::<Algorithm>().unwrap_err()),
    ];
    for error in errors {
        let line = error.to_string();
        assert!(line.contains(':') && !line.contains('\n') && line.len() < 110, "{line}");
    }
}
