//! A server's side: a request is judged in one call, by headers that may come in any state.

use numcheck_signing::{
    Algorithm, AuthError, Body, Input, Secret, SignatureHeaders, Signer, StaleError, UnknownAlgorithm,
    VerifyError, sign, verify_request,
};

const NOW: u64 = 1_655_710_885_431;
const BODY: &[u8] = br#"{"phone":"8521234567"}"#;
const NAMES: [&str; 5] = ["accessKey", "ts", "bizType", "action", "sign"];

/// The header fields of a right request, with names as HTTP/2 has them.
fn fields(body: &[u8], algorithm: Algorithm) -> Vec<(String, Vec<u8>)> {
    let ts = NOW.to_string();
    let input = Input { access_key: "key", action: "numbercheck", biz_type: "1", ts: &ts, body: body.into() };
    let sign = sign(&input, &Secret::from("s"), algorithm);
    let values = ["key", &ts, "1", "numbercheck", sign.as_str()];
    let mut fields: Vec<_> =
        NAMES.into_iter().zip(values).map(|(name, value)| (name.to_lowercase(), value.into())).collect();
    if algorithm != Algorithm::Md5 {
        fields.push(("algorithm".to_owned(), algorithm.as_str().into()));
    }
    fields
}

fn judge_at(fields: &[(String, Vec<u8>)], body: &[u8], now_ms: u64) -> Result<String, AuthError> {
    let secret = Secret::from("s");
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let known = |access_key: &str| (access_key == "key").then_some(&secret);
    verify_request(fields, body, now_ms, known).map(|headers| headers.access_key.to_owned())
}

fn judge(fields: &[(String, Vec<u8>)], body: &[u8]) -> Result<String, AuthError> {
    judge_at(fields, body, NOW)
}

#[test]
fn a_signer_writes_what_a_server_believes_and_only_the_default_goes_unnamed() {
    let secret = Secret::from("s");
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        for body in [BODY, b""] {
            let signer = Signer::new("key", &secret).with_algorithm(algorithm);
            let request = signer.sign("1", "numbercheck", body.into(), NOW);
            let sent: Vec<_> =
                request.fields().map(|(name, value)| (name.to_lowercase(), value.into())).collect();
            assert_eq!(sent, fields(body, algorithm));
            assert_eq!(format!("{request:?}"), format!("SignedRequest {{ ts: \"{NOW}\", .. }}"));
        }
    }
}

#[test]
fn a_right_request_is_believed_whatever_else_it_carries() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        for body in [BODY, b""] {
            let mut fields = fields(body, algorithm);
            assert_eq!(judge(&fields, body).as_deref(), Ok("key"));
            fields.insert(0, ("Host".to_owned(), b"h=&".to_vec()));
            fields.push(("x-odd".to_owned(), vec![0xff]));
            fields.push(("x-odd".to_owned(), vec![0xff]));
            fields.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase());
            assert_eq!(judge(&fields, body).as_deref(), Ok("key"));
        }
    }
}

#[test]
fn each_header_is_required_once_and_signable() {
    for (at, name) in NAMES.into_iter().enumerate() {
        let mut gone = fields(BODY, Algorithm::Md5);
        gone.remove(at);
        assert_eq!(judge(&gone, BODY), Err(AuthError::MissingHeader(name)));
        let mut empty = fields(BODY, Algorithm::Md5);
        empty[at].1.clear();
        assert_eq!(judge(&empty, BODY), Err(AuthError::MissingHeader(name)));
        let mut twice = fields(BODY, Algorithm::Md5);
        twice.push((name.to_uppercase(), twice[at].1.clone()));
        assert_eq!(judge(&twice, BODY), Err(AuthError::RepeatedHeader(name)));
        for bad in [&b"1&ts=2"[..], b"a=b", b"\xff"] {
            let mut malformed = fields(BODY, Algorithm::Md5);
            malformed[at].1 = bad.to_vec();
            assert_eq!(judge(&malformed, BODY), Err(AuthError::MalformedHeader(name)));
        }
    }
    let mut twice = fields(BODY, Algorithm::Sha256);
    twice.push(("algorithm".to_owned(), b"md5".to_vec()));
    assert_eq!(judge(&twice, BODY), Err(AuthError::RepeatedHeader("algorithm")));
    for unknown in ["sha1", "MD5", ""] {
        let mut fields = fields(BODY, Algorithm::Md5);
        fields.push(("algorithm".to_owned(), unknown.into()));
        assert!(
            matches!(judge(&fields, BODY), Err(AuthError::UnknownAlgorithm(UnknownAlgorithm { .. }))),
            "{unknown}"
        );
    }
}

#[test]
fn a_border_moved_between_two_headers_is_refused() {
    // The signed text would be the same: `action=numbercheck&bizType=1`.
    let mut moved = fields(BODY, Algorithm::Md5);
    moved[3].1 = b"numbercheck&bizType=1".to_vec();
    assert!(judge(&moved, BODY).is_err());
}

#[test]
fn the_key_comes_before_the_age_and_the_age_before_the_signature() {
    let right = fields(BODY, Algorithm::Md5);
    let mut stranger = right.clone();
    stranger[0].1 = b"other".to_vec();
    assert_eq!(judge_at(&stranger, BODY, NOW + 60_001), Err(AuthError::UnknownAccessKey));
    assert!(matches!(
        judge_at(&right, b"{}", NOW + 60_001),
        Err(AuthError::Stale(StaleError::TooOld { by_ms: 60_001, .. }))
    ));
    assert!(matches!(
        judge_at(&right, b"{}", NOW - 60_001),
        Err(AuthError::Stale(StaleError::TooNew { by_ms: 60_001, .. }))
    ));
    assert_eq!(judge_at(&right, BODY, NOW + 60_000).as_deref(), Ok("key"));
    assert_eq!(judge(&right, b"{}"), Err(AuthError::BadSignature(VerifyError::Mismatch)));
    assert_eq!(judge(&right, b""), Err(AuthError::BadSignature(VerifyError::Mismatch)));
    let mut no_time = right.clone();
    no_time[1].1 = b"now".to_vec();
    assert_eq!(judge(&no_time, BODY), Err(AuthError::Stale(StaleError::NotMilliseconds)));
    let mut short = right;
    short[4].1.pop();
    assert_eq!(judge(&short, BODY), Err(AuthError::BadSignature(VerifyError::Malformed)));
}

#[test]
fn one_of_several_secrets_must_fit() {
    let fields = fields(BODY, Algorithm::Md5);
    let fields = || fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let secrets = |texts: &[&str]| texts.iter().map(|text| Secret::from(*text)).collect::<Vec<_>>();
    assert!(verify_request(fields(), BODY, NOW, |_| secrets(&["new", "s", "older"])).is_ok());
    assert!(matches!(
        verify_request(fields(), BODY, NOW, |_| secrets(&["new"])),
        Err(AuthError::BadSignature(_))
    ));
    assert!(matches!(
        verify_request(fields(), BODY, NOW, |_| secrets(&[])),
        Err(AuthError::UnknownAccessKey)
    ));
}

#[test]
fn a_multipart_form_is_verified_by_its_own_kind_of_body_only() {
    let secret = Secret::from("s");
    let fields = fields(b"", Algorithm::Md5);
    let headers =
        SignatureHeaders::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let headers = headers.read().expect("complete");
    assert!(headers.verify_signature(Body::Multipart, &secret).is_ok());
    assert!(headers.verify_signature(Body::Json(BODY), &secret).is_err());
}

#[test]
fn nothing_of_a_signature_is_shown() {
    let fields = fields(BODY, Algorithm::Md5);
    let sign = String::from_utf8(fields[4].1.clone()).expect("text");
    let headers =
        SignatureHeaders::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let shown = format!("{headers:?} {:?}", headers.read().expect("complete"));
    assert!(!shown.contains(&sign), "{shown}");
}
