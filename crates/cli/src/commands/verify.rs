//! `numcheck verify`: is a request's signature right, and fresh?

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use numcheck_signing::{SignatureHeaders, TOLERANCE_MS, check_freshness, header};

use crate::commands::arguments::Signed;
use crate::exit::{Exit, Failure};
use crate::print;

/// Check the signature of a request. Sends nothing.
///
/// The secret comes from NXCLOUD_ACCESS_SECRET, or from the file that NXCLOUD_ACCESS_SECRET_FILE names.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    request: Signed,
    /// The `sign` header: the signature to check.
    #[arg(long, env = "NUMCHECK_SIGN", hide_env_values = true, value_name = "HEX")]
    sign: String,
    /// Also check that `ts` is at most 60 000 ms from this time, or from this machine's clock for `now`.
    #[arg(long, env = "NUMCHECK_FRESH_AT", hide_env_values = true, value_name = "MS|now")]
    fresh_at: Option<String>,
}

impl Verify {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let checked = self.request.with(|input, secret| {
            let fields = [
                (header::ACCESS_KEY, input.access_key),
                (header::TS, input.ts),
                (header::BIZ_TYPE, input.biz_type),
                (header::ACTION, input.action),
                (header::SIGN, &self.sign),
                (header::ALGORITHM, self.request.algorithm.as_str()),
            ];
            let fields = fields.map(|(name, value)| (name, value.as_bytes()));
            SignatureHeaders::from_fields(fields).read()?.verify_signature(input.body, secret)
        });
        if let Err(error) = checked.await? {
            return Err(Failure::new("the signature is wrong").because(error));
        }
        if let Some(at) = &self.fresh_at {
            check_freshness(&self.request.ts, time(at)?, TOLERANCE_MS)
                .map_err(|error| Failure::new("the signature is right, and not fresh").because(error))?;
        }
        print::data("the signature is right")?;
        Ok(Exit::Settled)
    }
}

fn time(at: &str) -> Result<u64, Failure> {
    if at == "now" {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return Ok(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    }
    at.parse().map_err(|_| Failure::usage("--fresh-at: write Unix time in milliseconds, or `now`"))
}
