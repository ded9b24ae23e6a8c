//! `numcheck verify`: is a request's signature right, and fresh?
//!
//! It compares in constant time, prints neither secret nor the right signature, and sends nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use numcheck_signing::{TOLERANCE_MS, check_freshness, verify};

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
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let right =
            self.request.with(|input, secret| verify(input, secret, self.request.algorithm, &self.sign))?;
        if let Err(error) = right {
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
