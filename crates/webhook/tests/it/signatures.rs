//! Signed pushes over real TCP: what is answered, counted, said and handed over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{BODY, gate, path};
use http::{Request, StatusCode};
use http_body_util::Full;
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};
use numcheck_webhook::{EmptyResponse, Gate, NotStored, Push, PushVerifier, Receiver};
use tokio::sync::mpsc;

const KEY: &str = "key";

fn secret() -> Secret {
    Secret::from("secret-of-the-account")
}

fn receiver(gate: Gate) -> (Receiver<impl numcheck_webhook::Handler>, mpsc::UnboundedReceiver<Push>) {
    let (sender, stored) = mpsc::unbounded_channel();
    let handler = move |push| std::future::ready(sender.send(push).map_err(|_| NotStored));
    (Receiver::new(gate, handler), stored)
}

/// A push that was signed so long ago.
fn signed(age: Duration, secret: &Secret) -> Request<Full<bytes::Bytes>> {
    let ts = (SystemTime::now() - age).duration_since(UNIX_EPOCH).unwrap().as_millis().to_string();
    let body = Body::Json(BODY.as_bytes());
    let input = Input { access_key: KEY, action: "numbercheck", biz_type: "1", ts: &ts, body };
    let sign = sign(&input, secret, Algorithm::Md5).to_string();
    let mut request = unsigned();
    for (name, value) in
        [("accesskey", KEY), ("ts", &ts), ("biztype", "1"), ("action", "numbercheck"), ("sign", &sign)]
    {
        request.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
    }
    request
}

fn unsigned() -> Request<Full<bytes::Bytes>> {
    let request = Request::post(path()).header("content-type", "application/json");
    request.body(Full::from(BODY)).unwrap()
}

fn status(answer: &EmptyResponse) -> u16 {
    answer.status().as_u16()
}

#[tokio::test]
async fn a_right_signature_is_handed_over_as_verified_and_no_signature_as_not() {
    let (receiver, mut stored) = receiver(gate().verifying(PushVerifier::new(KEY, secret())));
    assert_eq!(status(&receiver.answer(signed(Duration::ZERO, &secret())).await), 200);
    assert!(stored.recv().await.unwrap().verified());
    assert_eq!(status(&receiver.answer(unsigned()).await), 200);
    assert!(!stored.recv().await.unwrap().verified());
    let counts = receiver.counts();
    assert_eq!((counts.stored, counts.verified), (2, 1));
}

#[tokio::test]
async fn what_does_not_hold_is_401_is_not_stored_and_is_counted_by_kind() {
    let (receiver, mut stored) = receiver(gate().verifying(PushVerifier::new(KEY, secret()).required()));
    let wrong = signed(Duration::ZERO, &Secret::from("another"));
    let stale = signed(Duration::from_secs(120), &secret());
    let mut half = signed(Duration::ZERO, &secret());
    half.headers_mut().remove("ts");
    let mut stranger = signed(Duration::ZERO, &secret());
    stranger.headers_mut().insert("accesskey", "stranger".parse().unwrap());
    let mut twice = signed(Duration::ZERO, &secret());
    twice.headers_mut().append("sign", "0".parse().unwrap());
    for request in [unsigned(), half, twice, stranger, stale, wrong] {
        let answer = receiver.answer(request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().contains_key("www-authenticate"));
    }
    let counts = receiver.counts();
    let kinds = [
        counts.sign_missing,
        counts.sign_incomplete,
        counts.sign_malformed,
        counts.sign_unknown_key,
        counts.sign_stale,
        counts.sign_wrong,
    ];
    assert_eq!((kinds, counts.stored), ([1; 6], 0));
    assert!(stored.try_recv().is_err());
    // The platform comes again, with a signature of its own time.
    assert_eq!(status(&receiver.answer(signed(Duration::ZERO, &secret())).await), 200);
}

#[tokio::test]
async fn without_a_secret_the_headers_of_a_signature_are_ignored() {
    let (receiver, mut stored) = receiver(gate());
    let answer = receiver.answer(signed(Duration::from_secs(3600), &Secret::from("another"))).await;
    assert_eq!(status(&answer), 200);
    assert!(!stored.recv().await.unwrap().verified());
}

#[tokio::test]
async fn the_path_comes_first_whatever_the_signature_says() {
    let (receiver, _stored) = receiver(gate().verifying(PushVerifier::new(KEY, secret()).required()));
    for request in
        [unsigned(), signed(Duration::ZERO, &secret()), signed(Duration::ZERO, &Secret::from("another"))]
    {
        let (mut parts, body) = request.into_parts();
        parts.uri = "/numcheck/push/700337042751/0".parse().unwrap();
        assert_eq!(status(&receiver.answer(Request::from_parts(parts, body)).await), 404);
    }
    let counts = receiver.counts();
    assert_eq!((counts.not_found, counts.sign_missing, counts.sign_wrong), (3, 0, 0));
}

/// Signing has its own numbers, because it does not know the protocol.
#[test]
fn the_codes_of_signing_are_those_of_the_platform() {
    use numcheck_protocol::AuthCode;
    use numcheck_signing::{AuthError, VerifyError, check_freshness};

    let stale = check_freshness("0", u64::MAX, 0).unwrap_err();
    let unknown = "sha1".parse::<Algorithm>().unwrap_err();
    let expected = [
        (AuthError::MissingHeader("ts"), AuthCode::MISSING_PARAMETER),
        (AuthError::RepeatedHeader("ts"), AuthCode::BAD_PARAMETER),
        (AuthError::MalformedHeader("ts"), AuthCode::BAD_PARAMETER),
        (AuthError::UnknownAlgorithm(unknown), AuthCode::BAD_PARAMETER),
        (AuthError::BadSignature(VerifyError::Mismatch), AuthCode::BAD_SIGNATURE),
        (AuthError::Stale(stale), AuthCode::TIMESTAMP_EXPIRED),
        (AuthError::UnknownAccessKey, AuthCode::NOT_PERMITTED),
    ];
    for (error, code) in expected {
        assert_eq!(error.code(), code.get(), "{error}");
    }
    // What the others mean is documented nowhere.
    for entry in AuthCode::ENTRIES.iter().filter(|entry| (1001..=1005).contains(&entry.code)) {
        assert!(expected.iter().any(|(error, _)| error.code() == entry.code), "{}", entry.name);
    }
}
