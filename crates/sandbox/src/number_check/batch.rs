//! An accepted submit: its numbers and ids, held as compactly as they came.
//!
//! A million phone numbers take some 18 MB: their text, and four bytes each. Results are computed when due.

use std::sync::Arc;

use numcheck_protocol::number_check::{Dialect, KnownCheckLevel};

use crate::ids::{BatchIds, SUFFIXES};
use crate::push::Destination;

/// One accepted submit.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Whose.
    pub(crate) account: usize,
    /// In which dialect its results are told.
    pub(crate) dialect: Dialect,
    /// Only those that were taken.
    phones: Phones,
    /// Whether the submit held several, taken or not.
    several: bool,
    pub(crate) level: KnownCheckLevel,
    pub(crate) batch_no: Arc<str>,
    pub(crate) message_id: String,
    pub(crate) ids: BatchIds,
    pub(crate) destination: Destination,
    pub(crate) times: Times,
}

/// When what happens to a batch, by how long the clock has run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) accepted_ms: u64,
    /// When its checks are finished.
    pub(crate) checked_ms: u64,
    /// From when on a query may find anything of it.
    pub(crate) visible_ms: u64,
    /// What the clock showed when it was accepted: days follow from it.
    pub(crate) shown_ms: u64,
}

impl Times {
    /// What the clock would show when its checks are finished, were it not set in between.
    pub(crate) fn checked_shown_ms(&self) -> u64 {
        self.shown_ms.saturating_add(self.checked_ms.saturating_sub(self.accepted_ms))
    }
}

impl Batch {
    pub(crate) fn new(
        account: usize,
        phones: Phones,
        level: KnownCheckLevel,
        batch_no: Arc<str>,
        ids: BatchIds,
        destination: Destination,
        times: Times,
    ) -> Self {
        let message_id = ids.message_id();
        let (dialect, several) = (Dialect::V1, phones.count() != 1);
        Self { account, dialect, phones, several, level, batch_no, message_id, ids, destination, times }
    }

    /// The same in a dialect, of a submit that held so many numbers, whether they were taken or not.
    pub(crate) fn told_in(self, dialect: Dialect, submitted: usize) -> Self {
        Self { dialect, several: submitted != 1, ..self }
    }

    /// A batch that is accepted and finished at a time, for tests.
    #[cfg(test)]
    pub(crate) fn of_test(
        ids: &crate::ids::Ids,
        account: usize,
        batch_no: &str,
        phones: &str,
        level: KnownCheckLevel,
        at_ms: u64,
    ) -> Self {
        let (phones, ids) = (Phones::new(phones).unwrap(), ids.of_batch("key", batch_no, at_ms));
        let times = Times { accepted_ms: at_ms, checked_ms: at_ms, visible_ms: at_ms, shown_ms: at_ms };
        Self::new(account, phones, level, batch_no.into(), ids, Destination::Nowhere, times)
    }

    /// How many numbers.
    pub(crate) fn count(&self) -> u32 {
        self.phones.count()
    }

    /// The number at a place, as submitted.
    pub(crate) fn phone(&self, place: u32) -> &str {
        self.phones.get(place)
    }

    /// The numbers in their order, as submitted.
    pub(crate) fn phones(&self) -> impl Iterator<Item = &str> {
        self.phones.iter()
    }

    /// The message id of the number at a place: the submit's own where it held one number only.
    pub(crate) fn message_id(&self, place: u32) -> String {
        match self.several {
            false => self.message_id.clone(),
            true => format!("{}-{:06}", self.message_id, self.ids.suffix(place)),
        }
    }
}

/// The most numbers in one batch: as many as there are suffixes.
pub(crate) const MOST_NUMBERS: usize = SUFFIXES as usize;

/// The numbers of a submit in their order.
pub(crate) struct Phones {
    text: Box<str>,
    /// Where each number ends in the text. Between two of them stands a comma.
    ends: Box<[u32]>,
}

impl Phones {
    /// Numbers joined by commas. `None` when there are more than fit.
    pub(crate) fn new(joined: &str) -> Option<Self> {
        let mut ends = Vec::with_capacity(joined.len() / 12 + 1);
        let mut at = 0_usize;
        for phone in joined.split(',') {
            at += phone.len();
            ends.push(u32::try_from(at).ok()?);
            at += 1;
        }
        (ends.len() <= MOST_NUMBERS).then(|| Self { text: joined.into(), ends: ends.into() })
    }

    /// Those at some places, given in their order; there may be none.
    pub(crate) fn at(&self, places: &[u32]) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(places.len()));
        for place in places {
            if !ends.is_empty() {
                text.push(',');
            }
            text.push_str(self.get(*place));
            // No longer than the text that they are taken from.
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self { text: text.into(), ends: ends.into() }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, place: u32) -> &str {
        let end_of = |place: u32| Some(*self.ends.get(usize::try_from(place).ok()?)? as usize);
        let start = place.checked_sub(1).and_then(end_of).map_or(0, |end| end + 1);
        end_of(place).and_then(|end| self.text.get(start..end)).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.count()).map(|place| self.get(place))
    }
}

impl std::fmt::Debug for Phones {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phones({} numbers)", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::Phones;

    #[test]
    fn every_place_gives_its_number() {
        let phones = Phones::new("8613800138000,44,,447911123456").unwrap();
        let all: Vec<&str> = (0..5).map(|place| phones.get(place)).collect();
        assert_eq!(all, ["8613800138000", "44", "", "447911123456", ""]);
        assert_eq!(phones.iter().count(), phones.count() as usize);
    }

    #[test]
    fn some_places_are_taken_out_and_none_may_be_left() {
        let phones = Phones::new("8613800138000,44,447911123456").unwrap();
        assert_eq!(phones.at(&[0, 2]).iter().collect::<Vec<_>>(), ["8613800138000", "447911123456"]);
        assert_eq!(phones.at(&[1]).iter().collect::<Vec<_>>(), ["44"]);
        let none = phones.at(&[]);
        assert_eq!((none.count(), none.iter().count(), none.get(0)), (0, 0, ""));
    }

    #[test]
    fn more_numbers_than_suffixes_are_refused() {
        assert!(Phones::new(&"1,".repeat(999_999)).is_some());
        assert!(Phones::new(&"1,".repeat(1_000_000)).is_none());
    }

    #[test]
    fn debug_shows_how_many_and_not_which() {
        assert_eq!(format!("{:?}", Phones::new("8613800138000,8613800138001").unwrap()), "Phones(2 numbers)");
    }
}
