//! The time that the sandbox believes in.
//!
//! Everything in the sandbox that depends on time asks this clock, so that tests need not wait. What is compared with another
//! machine's clock (freshness of a signature, `Date`, the day of a check) follows what it shows; delays follow how long it has run,
//! which a step does not change. The patience with a peer that does not answer is real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// A clock that can be put forward, and set wrong. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use numcheck_sandbox::Clock;
///
/// let clock = Clock::manual(1_655_710_885_431);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now_ms(), 1_655_710_945_431);
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Unix time in milliseconds when the clock was made.
    start_ms: u64,
    /// Since when it runs by itself; `None` for one that only moves when told.
    running_since: Option<Instant>,
    advanced_ms: AtomicU64,
    /// How much more it shows than it has run, after steps.
    stepped_ms: AtomicI64,
    moved: Notify,
}

impl Clock {
    /// The machine's time.
    pub fn system() -> Self {
        Self::system_off_by(0)
    }

    /// The machine's time plus `ms` milliseconds, so that a client's clock seems to be wrong by as much the other way.
    pub fn system_off_by(ms: i64) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::new(millis(since_epoch).saturating_add_signed(ms), Some(Instant::now()))
    }

    /// A clock that stands at `unix_ms` (Unix time in milliseconds) and moves by [`advance`](Self::advance) alone.
    pub fn manual(unix_ms: u64) -> Self {
        Self::new(unix_ms, None)
    }

    fn new(start_ms: u64, running_since: Option<Instant>) -> Self {
        Self(Arc::new(Inner {
            start_ms,
            running_since,
            advanced_ms: AtomicU64::new(0),
            stepped_ms: AtomicI64::new(0),
            moved: Notify::new(),
        }))
    }

    /// What it shows: Unix time in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.shown_at(self.running_ms())
    }

    /// What it would show without its steps. Delays are measured by this one.
    pub(crate) fn running_ms(&self) -> u64 {
        let ran = self.0.running_since.map_or(0, |since| millis(since.elapsed()));
        self.0.start_ms.saturating_add(self.0.advanced_ms.load(Ordering::Acquire)).saturating_add(ran)
    }

    /// What it shows, by its steps until now, at a moment given as [`running_ms`](Self::running_ms).
    pub(crate) fn shown_at(&self, running_ms: u64) -> u64 {
        running_ms.saturating_add_signed(self.0.stepped_ms.load(Ordering::Acquire))
    }

    /// Sets it forward or, with a negative number, back by so many milliseconds, as when somebody corrects a machine's clock: what it
    /// shows changes (freshness, `Date`, days), delays that are running do not.
    pub fn step(&self, ms: i64) {
        let stepped = |before: i64| Some(before.saturating_add(ms));
        // The closure always gives a value, so this does not fail.
        let _ = self.0.stepped_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, stepped);
    }

    /// Lets time pass: the clock shows a later time, and delays come to their end. Whatever became due is done soon after, not before
    /// this returns.
    pub fn advance(&self, by: Duration) {
        self.0.advanced_ms.fetch_add(millis(by), Ordering::AcqRel);
        self.0.moved.notify_waiters();
    }

    /// Waits until the clock has run until `at_ms` or has been put forward, whichever comes first.
    pub(crate) async fn wait_until(&self, at_ms: u64) {
        let moved = self.0.moved.notified();
        tokio::pin!(moved);
        // Listen first, look second: a move in between must not be missed.
        moved.as_mut().enable();
        let left = at_ms.saturating_sub(self.running_ms());
        if left == 0 {
            return;
        }
        if self.0.running_since.is_none() {
            return moved.await;
        }
        tokio::select! {
            () = moved => {}
            () = tokio::time::sleep(Duration::from_millis(left)) => {}
        }
    }

    /// Waits until the clock has run until `at_ms`.
    pub(crate) async fn sleep_until(&self, at_ms: u64) {
        while self.running_ms() < at_ms {
            self.wait_until(at_ms).await;
        }
    }

    /// The time as the `Date` header writes it, to the second.
    pub(crate) fn http_date(&self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(self.now_ms().min(LAST_HTTP_DATE_MS)))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// The end of the year 9999, beyond which `Date` has no form.
const LAST_HTTP_DATE_MS: u64 = 253_402_300_799_000;

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clock;

    #[test]
    fn a_manual_clock_moves_by_advance_alone_and_clones_show_the_same_time() {
        let clock = Clock::manual(1_000);
        let other = clock.clone();
        other.advance(Duration::from_millis(5));
        assert_eq!(clock.now_ms(), 1_005);
    }

    #[test]
    fn a_clock_can_be_off_either_way() {
        let right = Clock::system().now_ms();
        assert!(Clock::system_off_by(3_600_000).now_ms() >= right + 3_600_000);
        assert!(Clock::system_off_by(-3_600_000).now_ms() < right);
    }

    #[test]
    fn a_step_either_way_changes_what_is_shown_and_not_how_long_it_has_run() {
        let clock = Clock::manual(10_000);
        for (ms, shown) in [(-4_000, 6_000), (5_000, 11_000), (i64::MIN, 0)] {
            clock.step(ms);
            assert_eq!((clock.now_ms(), clock.running_ms()), (shown, 10_000), "{ms}");
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.running_ms(), 11_000);
    }

    #[tokio::test]
    async fn a_delay_does_not_end_by_a_step() {
        let clock = Clock::manual(0);
        let other = clock.clone();
        let sleeping = tokio::spawn(async move { other.sleep_until(2_000).await });
        clock.step(3_600_000);
        clock.advance(Duration::from_secs(1));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!sleeping.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeping.await.unwrap();
    }

    #[test]
    fn the_date_is_written_as_http_wants_it() {
        assert_eq!(Clock::manual(1_655_710_885_431).http_date(), "Mon, 20 Jun 2022 07:41:25 GMT");
        assert_eq!(Clock::manual(u64::MAX).http_date(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[tokio::test]
    async fn waiting_ends_when_the_clock_is_put_forward() {
        let clock = Clock::manual(0);
        let other = clock.clone();
        let waiting = tokio::spawn(async move { other.wait_until(1_000).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(1));
        waiting.await.unwrap();
        clock.wait_until(1_000).await;
    }
}
