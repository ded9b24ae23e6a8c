//! The signature of a push, where the sandbox is set to make one.
//!
//! The vendor signs its WhatsApp and DID pushes; that number check's would look the same, no document says. [assumed] A signature must
//! never be kept: each attempt has its own time.

use numcheck_protocol::number_check::Submit;
use numcheck_protocol::{Auth, Endpoint};
use numcheck_signing::{Body, Input, header, sign};

use crate::state::Shared;

/// The headers of one attempt to push this body to an account's receiver; none where pushes are not signed.
pub(super) fn headers(shared: &Shared, account: usize, body: &[u8]) -> Vec<(&'static str, String)> {
    let (Some(algorithm), Some(account)) = (shared.settings.sign_pushes, shared.accounts.get(account)) else {
        return Vec::new();
    };
    // Those of the request that the results belong to. [assumed]
    let Auth::Signed { biz_type, action } = Submit::INFO.auth else { return Vec::new() };
    let ts = shared.clock.now_ms().to_string();
    let access_key = account.access_key.as_str();
    let input = Input { access_key, action, biz_type, ts: &ts, body: Body::Json(body) };
    let sign = sign(&input, &account.access_secret, algorithm).to_string();
    vec![
        (header::ACCESS_KEY, access_key.to_owned()),
        (header::TS, ts),
        (header::BIZ_TYPE, biz_type.to_owned()),
        (header::ACTION, action.to_owned()),
        (header::SIGN, sign),
        // The vendor's published verifier requires it.
        (header::ALGORITHM, algorithm.as_str().to_owned()),
    ]
}
