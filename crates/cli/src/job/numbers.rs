//! The numbers of a job, each once, in as few bytes as it takes.
//!
//! It knows nothing of batches or results; a number's place in here is how the rest of the job refers to it.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use numcheck_protocol::PhoneNumber;

/// Distinct numbers in the order of their first appearance: 8 bytes each, and 6 to 12 to find it again.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    packed: Vec<u64>,
    /// Places by the hash of what stands there, so that no number is held twice.
    places: HashTable<u32>,
    hasher: RandomState,
}

/// What adding a number found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is new, and this is its place.
    New(u32),
    /// It was there already, at this place.
    Known(u32),
}

impl Numbers {
    /// Adds a number; `None` when the job already holds as many as a place can name (4 294 967 295).
    pub(crate) fn add(&mut self, number: PhoneNumber) -> Option<Added> {
        let packed = number.pack();
        let next = u32::try_from(self.packed.len()).ok()?;
        let (all, hasher) = (&self.packed, &self.hasher);
        let hash_of_place = |place: &u32| hasher.hash_one(packed_at(all, *place).unwrap_or_default());
        let is_it = |place: &u32| packed_at(all, *place) == Some(packed);
        match self.places.entry(hasher.hash_one(packed), is_it, hash_of_place) {
            Entry::Occupied(place) => Some(Added::Known(*place.get())),
            Entry::Vacant(vacant) => {
                vacant.insert(next);
                self.packed.push(packed);
                Some(Added::New(next))
            }
        }
    }

    /// The place of a number.
    pub(crate) fn place(&self, number: &PhoneNumber) -> Option<u32> {
        let packed = number.pack();
        let is_it = |place: &u32| packed_at(&self.packed, *place) == Some(packed);
        self.places.find(self.hasher.hash_one(packed), is_it).copied()
    }

    /// The number at a place.
    pub(crate) fn get(&self, place: u32) -> Option<PhoneNumber> {
        packed_at(&self.packed, place).and_then(PhoneNumber::unpack)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }
}

fn packed_at(all: &[u64], place: u32) -> Option<u64> {
    all.get(usize::try_from(place).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_one_place_also_after_the_table_has_grown() {
        let number = |at: u32| PhoneNumber::new(&format!("8613{at:09}")).unwrap();
        let mut numbers = Numbers::default();
        for at in 0..5000 {
            assert_eq!(numbers.add(number(at)), Some(Added::New(at)));
            assert_eq!(numbers.add(number(at / 2)), Some(Added::Known(at / 2)));
        }
        assert_eq!(numbers.len(), 5000);
        assert!(
            (0..5000).all(|at| numbers.place(&number(at)) == Some(at) && numbers.get(at) == Some(number(at)))
        );
        assert_eq!((numbers.place(&number(5000)), numbers.get(5000)), (None, None));
    }

    #[test]
    fn leading_zeros_and_lengths_make_different_numbers() {
        let mut numbers = Numbers::default();
        for (place, digits) in (0..).zip(["10000", "100000", "010000", "00000", "000000", "999999999999999"])
        {
            let number = PhoneNumber::new(digits).unwrap();
            assert_eq!(numbers.add(number), Some(Added::New(place)), "{digits}");
            assert_eq!(numbers.get(place).unwrap().digits(), digits);
        }
    }
}
