//! Whether a timestamp is recent enough.

use core::fmt;

/// How far `ts` may be off, either way, in milliseconds: one minute.
///
/// Whether exactly one minute is still inside is documented nowhere; here it is.
pub const TOLERANCE_MS: u64 = 60_000;

/// Checks that the `ts` header is at most `tolerance_ms` from `now_ms`, either way and inclusive.
///
/// Both times are Unix time in milliseconds. A server passes [`TOLERANCE_MS`] for what the platform does.
///
/// ```
/// use numcheck_signing::{StaleError, TOLERANCE_MS, check_freshness};
///
/// check_freshness("1655710885431", 1_655_710_900_000, TOLERANCE_MS)?;
/// assert!(check_freshness("1655710885431", 1_655_710_999_000, TOLERANCE_MS).is_err());
/// # Ok::<(), StaleError>(())
/// ```
///
/// # Errors
///
/// [`StaleError::NotMilliseconds`] when `ts` is anything but decimal digits that fit 64 bits (a sign, a space, a
/// fraction, nothing at all), [`StaleError::InSeconds`] when it would be recent in seconds, else [`StaleError::TooOld`] or [`StaleError::TooNew`].
/// To the caller on the wire an absent or empty `ts` is code 1001, the others 1004.
pub fn check_freshness(ts: &str, now_ms: u64, tolerance_ms: u64) -> Result<(), StaleError> {
    // `u64::from_str` takes a leading `+`, the convention does not.
    if !ts.bytes().all(|b| b.is_ascii_digit()) {
        return Err(StaleError::NotMilliseconds);
    }
    let ts: u64 = ts.parse().map_err(|_| StaleError::NotMilliseconds)?;
    if now_ms.abs_diff(ts) <= tolerance_ms {
        return Ok(());
    }
    if now_ms.abs_diff(ts.saturating_mul(1000)) <= tolerance_ms {
        return Err(StaleError::InSeconds);
    }
    Err(match ts < now_ms {
        true => StaleError::TooOld { by_ms: now_ms.abs_diff(ts) },
        false => StaleError::TooNew { by_ms: now_ms.abs_diff(ts) },
    })
}

/// Why a timestamp was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaleError {
    /// Empty, not decimal digits, or more than 64 bits hold.
    NotMilliseconds,
    /// Seconds instead of milliseconds.
    InSeconds,
    /// Further in the past than allowed.
    #[non_exhaustive]
    TooOld {
        /// How old it is, in milliseconds.
        by_ms: u64,
    },
    /// Further in the future than allowed.
    #[non_exhaustive]
    TooNew {
        /// How far ahead it is, in milliseconds.
        by_ms: u64,
    },
}

impl fmt::Display for StaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMilliseconds => {
                f.write_str("ts is not a time: expected Unix time in milliseconds, as decimal digits")
            }
            Self::InSeconds => f.write_str("ts is in seconds: send Unix time in milliseconds"),
            Self::TooOld { by_ms } => {
                write!(f, "ts is {by_ms} ms in the past: set the clock, sign each attempt anew")
            }
            Self::TooNew { by_ms } => write!(f, "ts is {by_ms} ms in the future: set the clock"),
        }
    }
}

impl core::error::Error for StaleError {}
