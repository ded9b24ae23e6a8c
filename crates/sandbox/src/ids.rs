//! The ids that the platform makes: message ids, their suffixes, batch numbers.
//!
//! They look random and follow from a seed and a count, so that two runs with the same submits in the same order give the same
//! ids. They must not be taken for unguessable.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rule::mix;

/// Makes ids, in the order in which submits are accepted.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(0) }
    }

    /// The ids of the next accepted submit.
    pub(crate) fn next(&self) -> BatchIds {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let word =
            |which: u64| mix(mix(self.seed ^ 0x6e75_6d63_6865_636b).wrapping_add(count * 4 + which + 1));
        BatchIds { high: word(0), low: word(1), spread: word(2), batch_no: word(3) }
    }
}

/// The ids of one submit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchIds {
    high: u64,
    low: u64,
    spread: u64,
    batch_no: u64,
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

    /// The batch number of a submit that named none: 12 digits.
    pub(crate) fn batch_no(&self) -> String {
        format!("{:012}", self.batch_no % 1_000_000_000_000)
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
    fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
        let ids = |seed| {
            let ids = Ids::new(seed);
            [ids.next(), ids.next()].map(|ids| (ids.message_id(), ids.batch_no(), ids.suffix(7)))
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
        assert_ne!(ids(1)[0], ids(1)[1]);
    }

    #[test]
    fn ids_have_the_documented_form() {
        let ids = Ids::new(7);
        for _ in 0..100 {
            let ids = ids.next();
            let id = ids.message_id();
            assert_eq!(id.len(), 32, "{id}");
            assert!(id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
            assert_eq!(id.as_bytes()[12], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[16]), "{id}");
            assert_eq!(ids.batch_no().len(), 12);
        }
    }

    #[test]
    fn no_two_numbers_of_a_batch_share_a_suffix() {
        let ids = Ids::new(3).next();
        let suffixes: HashSet<u32> = (0..SUFFIXES).map(|place| ids.suffix(place)).collect();
        assert_eq!(suffixes.len(), SUFFIXES as usize);
    }

    #[test]
    fn another_order_still_has_every_number_once() {
        for count in [1, 2, 3, 4, 10, 97, 1000] {
            let ids = Ids::new(u64::from(count)).next();
            let places: HashSet<u32> = (0..count).map(|turn| ids.shuffled(turn, count)).collect();
            assert_eq!(places.len(), count as usize, "{count}");
            assert!(places.iter().all(|place| *place < count));
        }
    }
}
