//! The time to sign with, corrected by the platform's. Durations are measured with tokio's clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of wall-clock time; every `Fn() -> u64` is one.
///
/// ```
/// use numcheck_transport::Client;
///
/// let client = Client::builder("http://127.0.0.1:8080").clock(|| 1_700_000_000_000).build()?;
/// assert_eq!(client.clock_offset_ms(), 0);
/// # Ok::<(), numcheck_transport::BuildError>(())
/// ```
pub trait TimeSource: Send + Sync + 'static {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync + 'static> TimeSource for F {
    fn now_ms(&self) -> u64 {
        self()
    }
}

/// The operating system's time; one before 1970 counts as 0.
pub(crate) fn system_ms() -> u64 {
    unix_ms(SystemTime::now())
}

/// A clock with what the platform's `Date` headers taught about it.
pub(crate) struct Corrected {
    clock: Arc<dyn TimeSource>,
    offset_ms: AtomicI64,
}

/// One look at the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockReading {
    pub(crate) now_ms: u64,
    pub(crate) offset_ms: i64,
}

impl Corrected {
    pub(crate) fn new(clock: Arc<dyn TimeSource>) -> Self {
        Self { clock, offset_ms: AtomicI64::new(0) }
    }

    pub(crate) fn read(&self) -> ClockReading {
        let offset_ms = self.offset_ms.load(Ordering::Relaxed);
        ClockReading { now_ms: self.clock.now_ms().saturating_add_signed(offset_ms), offset_ms }
    }

    /// The offset at which this clock would show the platform's time.
    pub(crate) fn offset_to(&self, platform: SystemTime) -> i64 {
        let (platform, ours) = (unix_ms(platform), self.clock.now_ms());
        let distance = i64::try_from(platform.abs_diff(ours)).unwrap_or(i64::MAX);
        if platform < ours { -distance } else { distance }
    }

    pub(crate) fn set_offset(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

impl fmt::Debug for Corrected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Corrected").field("offset_ms", &self.offset_ms).finish_non_exhaustive()
    }
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
