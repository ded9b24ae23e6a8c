//! The ids that the platform makes: message ids, their suffixes, batch numbers.
//!
//! They look random, but follow from the seed, the account and the batch number (not from the order of submits), so an interrupted and
//! resumed run gets the same ids as an uninterrupted one. They are guessable.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rule::{hash, mix};

/// Makes ids.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    unnamed: AtomicU64,
    traces: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed: mix(seed ^ 0x6e75_6d63_6865_636b),
            unnamed: AtomicU64::new(0),
            traces: AtomicU64::new(0),
        }
    }

    /// The ids of a submit under a batch number that the account used so often before.
    pub(crate) fn of_batch(&self, access_key: &str, batch_no: &str, before: u64) -> BatchIds {
        let origin = mix(self.seed ^ hash(batch_no, access_key)).wrapping_add(mix(before));
        let word = |which: u64| mix(origin.wrapping_add(which.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        BatchIds { high: word(1), low: word(2), spread: word(3) }
    }

    /// A batch number for a submit that names none: 12 digits. It follows from how many there were before.
    pub(crate) fn batch_no(&self) -> String {
        let count = self.unnamed.fetch_add(1, Ordering::Relaxed);
        format!("{:012}", mix(self.seed.wrapping_add(count + 1)) % 1_000_000_000_000)
    }

    /// What a reply of the second dialect is found by: 8 hex digits. It follows from how many there were before.
    pub(crate) fn trace_id(&self) -> String {
        let count = self.traces.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}", mix(self.seed.wrapping_sub(count + 1)) >> 32)
    }
}

/// The ids of one submit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchIds {
    high: u64,
    low: u64,
    spread: u64,
}

/// How many suffixes of six digits there are, and so the most numbers in a batch.
pub(crate) const SUFFIXES: u32 = 1_000_000;

impl BatchIds {
    /// The id in the submit's reply: a random uuid (version 4) without hyphens, 32 characters.
    pub(crate) fn message_id(&self) -> String {
        let high = (self.high & !0xf000) | 0x4000;
        let low = (self.low & !(0b11 << 62)) | (0b10 << 62);
        format!("{high:016x}{low:016x}")
    }

    /// The six digits behind the message id of the number at `place`; no two places below [`SUFFIXES`] share one.
    pub(crate) fn suffix(&self, place: u32) -> u32 {
        // A step without common factor with 10^6 visits every suffix once.
        let step = u64::from(stride(self.spread, SUFFIXES));
        let start = self.spread >> 40;
        let suffix = (start + u64::from(place) * step) % u64::from(SUFFIXES);
        u32::try_from(suffix).unwrap_or_default()
    }

    /// A number from 0 to `most`, another one for each submit.
    pub(crate) fn up_to(&self, most: u64) -> u64 {
        let drawn = mix(self.high ^ self.low.rotate_left(32));
        most.checked_add(1).map_or(drawn, |count| drawn % count)
    }

    /// Another order of `count` places: where the number that is pushed as `turn`-th stands in the batch.
    pub(crate) fn shuffled(&self, turn: u32, count: u32) -> u32 {
        let count = count.max(1);
        let place = (u64::from(turn) + 1) * u64::from(stride(self.spread, count)) % u64::from(count);
        u32::try_from(place).unwrap_or_default()
    }
}

/// A step through `count` places that comes by each of them, chosen by `spread`.
fn stride(spread: u64, count: u32) -> u32 {
    let most = u64::from(count.max(2) - 1);
    let mut step = u32::try_from(spread % most + 1).unwrap_or(1);
    while common_factor(step, count) != 1 {
        step = step % count + 1;
    }
    step
}

fn common_factor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_factor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Ids, SUFFIXES};

    #[test]
    fn ids_follow_from_seed_account_batch_number_and_how_often_it_was_used_and_from_no_order() {
        let of = |seed, key, batch_no, before| Ids::new(seed).of_batch(key, batch_no, before).message_id();
        let ids = Ids::new(1);
        let (later, sooner) = (ids.of_batch("k", "b", 0), ids.of_batch("k", "a", 0));
        assert_eq!([sooner.message_id(), later.message_id()], [of(1, "k", "a", 0), of(1, "k", "b", 0)]);
        let all = [
            of(1, "k", "a", 0),
            of(1, "k", "b", 0),
            of(1, "k", "a", 1),
            of(1, "l", "a", 0),
            of(2, "k", "a", 0),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(sooner.suffix(7), Ids::new(1).of_batch("k", "a", 0).suffix(7));
    }

    #[test]
    fn ids_have_the_documented_form() {
        let ids = Ids::new(7);
        for count in 0..100 {
            let id = ids.of_batch("k", "b", count).message_id();
            assert_eq!(id.len(), 32, "{id}");
            assert!(id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
            assert_eq!(id.as_bytes()[12], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[16]), "{id}");
        }
        let numbers: HashSet<String> = (0..100).map(|_| ids.batch_no()).collect();
        assert_eq!(numbers.len(), 100);
        assert!(
            numbers.iter().all(|number| number.len() == 12 && number.bytes().all(|b| b.is_ascii_digit()))
        );
    }

    #[test]
    fn no_two_numbers_of_a_batch_share_a_suffix() {
        let ids = Ids::new(3).of_batch("k", "b", 0);
        let suffixes: HashSet<u32> = (0..SUFFIXES).map(|place| ids.suffix(place)).collect();
        assert_eq!(suffixes.len(), SUFFIXES as usize);
    }

    #[test]
    fn another_order_still_has_every_number_once() {
        for count in [1, 2, 3, 4, 10, 97, 1000] {
            let ids = Ids::new(u64::from(count)).of_batch("k", "b", 0);
            let places: HashSet<u32> = (0..count).map(|turn| ids.shuffled(turn, count)).collect();
            assert_eq!(places.len(), count as usize, "{count}");
            assert!(places.iter().all(|place| *place < count));
        }
    }
}
