//! The codes of `AuthError` are those of the platform's table. Neither crate knows the other, so this one, which knows both, holds them together.

use numcheck_protocol::AuthCode;
use numcheck_signing::{AuthError, Secret, Signer, verify_request};

const NOW_MS: u64 = 1_700_000_000_000;

/// The code that a request is answered with after `change` was done to its headers.
fn code_after(
    change: impl FnOnce(&mut Vec<(&'static str, Vec<u8>)>),
    now_ms: u64,
    is_known: bool,
) -> AuthCode {
    let (secret, body) = (Secret::from("secret"), br#"{"id":10001}"#);
    let request = Signer::new("key", &secret).sign("1", "send", body[..].into(), NOW_MS);
    let mut fields: Vec<_> =
        request.fields().map(|(name, value)| (name, value.as_bytes().to_vec())).collect();
    change(&mut fields);
    let fields = fields.iter().map(|(name, value)| (*name, value.as_slice()));
    let error: AuthError = verify_request(fields, body, now_ms, |_| is_known.then_some(&secret)).unwrap_err();
    AuthCode::new(error.code())
}

#[test]
fn each_error_of_authentication_has_the_code_of_the_platforms_table() {
    let at = |fields: &[(&str, Vec<u8>)], name| fields.iter().position(|field| field.0 == name).unwrap();
    let gone = code_after(|fields| drop(fields.remove(at(fields, "ts"))), NOW_MS, true);
    let twice = code_after(|fields| fields.push(fields[0].clone()), NOW_MS, true);
    let unreadable = code_after(|fields| fields[0].1 = b"a&b".to_vec(), NOW_MS, true);
    let algorithm = code_after(|fields| fields.push(("algorithm", b"md4".to_vec())), NOW_MS, true);
    let forged = code_after(|fields| fields.last_mut().unwrap().1 = vec![b'0'; 32], NOW_MS, true);
    let late = code_after(|_| {}, NOW_MS + 60_001, true);
    let stranger = code_after(|_| {}, NOW_MS, false);
    let names = [gone, twice, unreadable, algorithm, forged, late, stranger].map(AuthCode::name);
    let bad = AuthCode::new(1002).name();
    assert_eq!(
        names,
        [
            AuthCode::new(1001).name(),
            bad,
            bad,
            bad,
            AuthCode::BAD_SIGNATURE.name(),
            AuthCode::TIMESTAMP_EXPIRED.name(),
            AuthCode::NOT_PERMITTED.name()
        ]
    );
    assert!(names.iter().all(Option::is_some));
}
