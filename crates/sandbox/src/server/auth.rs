//! NXCLOUD's calling convention, from the platform's side.
//!
//! The order: 1001 (a header absent or empty), 1002 (a header twice or not signable, `bizType`, `action`, `algorithm`), 1005 (the access key),
//! 1004 (`ts`), 1003 (`Content-Type`, `sign`). No document says which comes first where several apply.

use numcheck_protocol::{Auth, AuthCode, BodyKind, Info};
use numcheck_signing::{SignatureHeaders, check_freshness};

use super::call::Call;
use super::diagnosis;
use crate::account::Account;
use crate::clock::millis;
use crate::state::Shared;

/// Why a caller is not believed.
pub(crate) struct AuthRefusal {
    pub(crate) code: AuthCode,
    /// For people. It quotes no secret and no body.
    pub(crate) why: String,
}

impl<E: Into<numcheck_signing::AuthError>> From<E> for AuthRefusal {
    fn from(error: E) -> Self {
        let error = error.into();
        Self { code: AuthCode::new(error.code()), why: error.to_string() }
    }
}

/// Finds out which account is calling.
pub(crate) fn authenticate(
    shared: &Shared,
    call: &Call,
    info: &Info,
    has_business: fn(&Account) -> bool,
) -> Result<usize, AuthRefusal> {
    let refuse = |code, why: &str| Err(AuthRefusal { code, why: why.to_owned() });
    let fields = call.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers = SignatureHeaders::from_fields(fields).read()?;
    if let Auth::Signed { biz_type, action } = info.auth
        && (headers.biz_type != biz_type || headers.action != action)
    {
        let why = format!("this path wants bizType {biz_type} and action {action}");
        return refuse(AuthCode::BAD_PARAMETER, &why);
    }
    let found =
        shared.accounts.iter().enumerate().find(|(_, account)| account.access_key == headers.access_key);
    let Some((place, account)) = found else {
        return Err(numcheck_signing::AuthError::UnknownAccessKey.into());
    };
    if !has_business(account) {
        return refuse(AuthCode::NOT_PERMITTED, "the account does not have this business");
    }
    let at_limit = u64::from(shared.settings.assumptions.refuse_at_limit);
    let most_ms = millis(shared.settings.freshness).saturating_sub(at_limit);
    check_freshness(headers.ts, shared.clock.now_ms(), most_ms)?;
    // Where there is no body, there need be no type of one.
    let needs_type = info.body != BodyKind::Empty || !call.body.is_empty();
    if needs_type && call.media_type() != "application/json" {
        return refuse(AuthCode::BAD_SIGNATURE, "Content-Type must be application/json");
    }
    let body = (&*call.body).into();
    if headers.verify_signature(body, &account.access_secret).is_err() {
        let hint =
            diagnosis::wrong_sign(shared, &headers.input(body), place, headers.algorithm, headers.sign);
        return refuse(AuthCode::BAD_SIGNATURE, hint);
    }
    Ok(place)
}
