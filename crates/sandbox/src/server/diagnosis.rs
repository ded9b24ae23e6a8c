//! Guesses what is wrong with a signature by trying the usual mistakes one by one.
//!
//! The platform says only "1003"; this adds a hint, which quotes neither the secret nor the body.

use numcheck_signing::{Algorithm, Body, Input, Secret, verify};

use crate::state::Shared;

/// A sentence for whoever signed wrongly.
pub(crate) fn wrong_sign(
    shared: &Shared,
    input: &Input<'_>,
    account: usize,
    algorithm: Algorithm,
    sign: &str,
) -> &'static str {
    let Some(account) = shared.accounts.get(account) else { return "the sign is wrong" };
    let secret = &account.access_secret;
    let fits = |input: &Input<'_>, secret: &Secret, algorithm, sign: &str| {
        verify(input, secret, algorithm, sign).is_ok()
    };
    let other_algorithm = match algorithm {
        Algorithm::Md5 => Algorithm::Sha256,
        Algorithm::Sha256 => Algorithm::Md5,
    };
    let without_body = Input { body: Body::Empty, ..*input };
    let empty_body = Input { body: Body::Json(b""), ..*input };
    if fits(input, secret, algorithm, &sign.to_ascii_lowercase()) {
        "the sign is right but for its case: write hex digits in lower case"
    } else if fits(input, secret, other_algorithm, sign) {
        "the sign is right for the other algorithm: say which in the header algorithm"
    } else if fits(&without_body, secret, algorithm, sign) {
        "the sign is that of a request without body: sign the body too"
    } else if matches!(input.body, Body::Empty) && fits(&empty_body, secret, algorithm, sign) {
        "the request has no body, so the signed text must not have &body= either"
    } else if trimmed(input).is_some_and(|trimmed| fits(&trimmed, secret, algorithm, sign)) {
        "the body was sent with white space around it that was not signed: send the bytes that were signed"
    } else if shared.accounts.iter().any(|other| fits(input, &other.access_secret, algorithm, sign)) {
        "the sign was made with the secret of another account"
    } else {
        "the sign fits neither the headers nor the body: sign the exact bytes that are sent, with this account's secret"
    }
}

fn trimmed<'a>(input: &Input<'a>) -> Option<Input<'a>> {
    match input.body {
        Body::Json(body) if body.trim_ascii().len() < body.len() => {
            Some(Input { body: Body::Json(body.trim_ascii()), ..*input })
        }
        _ => None,
    }
}
