//! The pace that all processes on one store keep together: whoever sends takes a turn first, and waits for it.
//!
//! A turn is waited for before a request is signed, because a signature grows old.

use std::sync::Arc;
use std::time::Duration;

use numcheck_protocol::Rate;

use crate::clock::WallClock;
use crate::store::{MAX_TURN_AHEAD_MS, Store, StoreError};

/// Whoever wakes up later than this after its turn takes another one: by then it may be somebody else's.
const LATE_MS: u64 = 250;

/// How fast all processes together may send one kind of request.
#[derive(Debug)]
pub struct SharedPace<S: ?Sized> {
    store: Arc<S>,
    clock: Arc<dyn WallClock>,
    bucket: String,
    rates: Vec<Rate>,
}

impl<S: ?Sized> Clone for SharedPace<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            bucket: self.bucket.clone(),
            rates: self.rates.clone(),
        }
    }
}

impl<S: Store + ?Sized> SharedPace<S> {
    /// A pace under `rates`, the tightest that applies to a request first. All that name the same `bucket` of a store share it: it is to
    /// name what the platform counts, such as an account and an endpoint, and not the job.
    pub fn new(store: Arc<S>, clock: Arc<dyn WallClock>, bucket: String, rates: Vec<Rate>) -> Self {
        Self { store, clock, bucket, rates }
    }

    /// How far a request with so many numbers must lie from others, in milliseconds; `None` where no rate applies to it. Rounded up, so
    /// that a limit is never exceeded by a fraction.
    pub fn interval_ms(&self, numbers: u64) -> Option<u64> {
        interval_ms(&self.rates, numbers)
    }

    /// Takes the next turn for a request with so many numbers, and waits for it. One call of the store, none where no rate applies.
    ///
    /// Costs nothing. Dropping it while it waits loses the turn, and nothing else.
    ///
    /// # Errors
    /// When the store fails. Nothing may be sent then.
    pub async fn turn(&self, numbers: u64) -> Result<(), StoreError> {
        let Some(interval_ms) = self.interval_ms(numbers) else { return Ok(()) };
        loop {
            let taken = self.store.take_turn(&self.bucket, interval_ms, self.clock.now_ms()).await;
            let wait_ms = match taken {
                Ok(wait_ms) => wait_ms,
                // It may be taken, and nobody knows which one it is: it is lost.
                Err(StoreError::Unanswered { .. }) => continue,
                Err(error) => return Err(error),
            };
            let due_ms = self.clock.now_ms().saturating_add(wait_ms);
            if wait_ms > 0 {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            if self.clock.now_ms() <= due_ms.saturating_add(LATE_MS) {
                return Ok(());
            }
        }
    }
}

/// What a store keeps of a bucket whose turns processes share.
///
/// ```
/// use numcheck_bulk::SharedTurn;
///
/// let (turn, wait_ms) = SharedTurn::after(None, 100, 5_000);
/// assert_eq!(wait_ms, 0);
/// assert_eq!(SharedTurn::after(Some(turn), 100, 5_030).1, 70);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedTurn {
    /// When the next turn is free for a request like the last one, Unix time in milliseconds.
    pub next_ms: u64,
    /// How far the last turn lies from others.
    pub interval_ms: u64,
}

impl SharedTurn {
    /// Takes the next turn at `now_ms`, after the one that is kept: what to keep from then on, and how long to wait in milliseconds. Two
    /// turns lie as far apart as the longer of their two intervals, and pauses are not saved up. Where the clock was set back by more than
    /// [`MAX_TURN_AHEAD_MS`], nobody waits for the time that it showed before.
    pub fn after(last: Option<Self>, interval_ms: u64, now_ms: u64) -> (Self, u64) {
        let turn_ms = match last {
            Some(last) if last.next_ms <= now_ms.saturating_add(MAX_TURN_AHEAD_MS) => {
                let free_ms = last.next_ms.saturating_add(interval_ms.saturating_sub(last.interval_ms));
                free_ms.max(now_ms)
            }
            _ => now_ms,
        };
        (Self { next_ms: turn_ms.saturating_add(interval_ms), interval_ms }, turn_ms - now_ms)
    }
}

/// The same under any rates, the tightest that applies first.
pub(crate) fn interval_ms(rates: &[Rate], numbers: u64) -> Option<u64> {
    let covers = |rate: &&Rate| rate.up_to.is_none_or(|most| numbers <= u64::from(most));
    let rate = rates.iter().find(covers)?;
    Some(u64::from(rate.per_ms).div_ceil(u64::from(rate.requests.max(1)))).filter(|ms| *ms > 0)
}
