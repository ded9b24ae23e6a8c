//! How long something took, as a histogram.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in milliseconds; one more is beyond the last.
const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// Counts while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    counts: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

impl Stopwatch {
    pub(crate) fn add(&self, took: Duration) {
        let at = BOUNDS_MS.iter().take_while(|bound| took > Duration::from_millis(**bound)).count();
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Latencies {
        Latencies {
            counts: self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}

/// How long something took, each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    counts: [u64; BUCKETS],
    sum: Duration,
}

impl Latencies {
    /// How often it took at most so long, from the shortest bound to the longest.
    pub fn up_to(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut sum = 0;
        self.counts.into_iter().zip(BOUNDS_MS).map(move |(count, bound)| {
            sum += count;
            (Duration::from_millis(bound), sum)
        })
    }

    /// How often it was done.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_the_first_bucket_that_is_long_enough() {
        let stopwatch = Stopwatch::default();
        for micros in [0, 1000, 1001, 5_000_000, 5_000_001, 90_000_000] {
            stopwatch.add(Duration::from_micros(micros));
        }
        let seen = stopwatch.snapshot();
        let up_to: Vec<u64> = seen.up_to().map(|(_, count)| count).collect();
        assert_eq!(up_to, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert_eq!((seen.count(), seen.sum()), (6, Duration::from_micros(100_002_002)));
    }
}
