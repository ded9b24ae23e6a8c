//! NXCLOUD's calling convention, from the platform's side.
//!
//! The order: 1001 (a header absent or empty), 1002 (`bizType`, `action`, `algorithm`), 1005 (the access key), 1004 (`ts`), 1003
//! (`Content-Type`, `sign`). No document says which comes first where several apply. It must not look into the body.

use numcheck_protocol::{Auth, AuthCode, BodyKind, Info};
use numcheck_signing::{Algorithm, Body, Input, check_freshness, header, verify};

use super::call::Call;
use super::diagnosis;
use crate::account::Account;
use crate::clock::millis;
use crate::state::Shared;

/// Why a caller is not believed.
pub(crate) struct Distrust {
    pub(crate) code: AuthCode,
    /// For people. It quotes no secret and no body.
    pub(crate) why: String,
}

/// Finds out which account is calling.
pub(crate) fn authenticate(
    shared: &Shared,
    call: &Call,
    info: &Info,
    has_business: fn(&Account) -> bool,
) -> Result<usize, Distrust> {
    let distrust = |code, why: String| Err(Distrust { code, why });
    let required = |name: &'static str| {
        let why = || format!("the header {name} is absent or empty");
        call.header(name).ok_or_else(|| Distrust { code: AuthCode::MISSING_PARAMETER, why: why() })
    };
    let access_key = required(header::ACCESS_KEY)?;
    let ts = required(header::TS)?;
    let biz_type = required(header::BIZ_TYPE)?;
    let action = required(header::ACTION)?;
    let sign = required(header::SIGN)?;
    if let Auth::Signed { biz_type: wanted_type, action: wanted_action } = info.auth
        && (biz_type != wanted_type || action != wanted_action)
    {
        let why = format!("this path wants bizType {wanted_type} and action {wanted_action}");
        return distrust(AuthCode::BAD_PARAMETER, why);
    }
    let Ok(algorithm) = call.header(header::ALGORITHM).map_or(Ok(Algorithm::Md5), str::parse) else {
        return distrust(AuthCode::BAD_PARAMETER, "the header algorithm must be md5 or sha256".to_owned());
    };
    let found = shared.accounts.iter().enumerate().find(|(_, account)| account.access_key == access_key);
    let Some((place, account)) = found else {
        return distrust(AuthCode::NOT_PERMITTED, "no account has this accessKey".to_owned());
    };
    if !has_business(account) {
        return distrust(AuthCode::NOT_PERMITTED, "the account does not have this business".to_owned());
    }
    let at_limit = u64::from(shared.settings.assumptions.refuse_at_limit);
    let most_ms = millis(shared.settings.freshness).saturating_sub(at_limit);
    if let Err(stale) = check_freshness(ts, shared.clock.now_ms(), most_ms) {
        return distrust(AuthCode::TIMESTAMP_EXPIRED, stale.to_string());
    }
    // Where there is no body, there need be no type of one.
    let needs_type = info.body != BodyKind::Empty || !call.body.is_empty();
    if needs_type && call.media_type() != "application/json" {
        return distrust(AuthCode::BAD_SIGNATURE, "Content-Type must be application/json".to_owned());
    }
    let body = if call.body.is_empty() { Body::Empty } else { Body::Json(&call.body) };
    let input = Input { access_key, action, biz_type, ts, body };
    if verify(&input, &account.access_secret, algorithm, sign).is_err() {
        let hint = diagnosis::wrong_sign(shared, &input, place, algorithm, sign);
        return distrust(AuthCode::BAD_SIGNATURE, hint.to_owned());
    }
    Ok(place)
}
