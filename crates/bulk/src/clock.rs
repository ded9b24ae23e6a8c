//! What time is it? Handed in, so that tests need not wait.
//!
//! Nothing else in this crate may read a clock.

use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of day.
pub trait WallClock: Debug + Send + Sync + 'static {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> u64;
}

/// This machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemWallClock;

impl WallClock for SystemWallClock {
    fn now_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A time so much later.
pub(crate) fn after_ms(ms: u64, time: Duration) -> u64 {
    ms.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
