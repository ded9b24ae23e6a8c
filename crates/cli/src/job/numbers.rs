//! The numbers of a job, each once, in as few bytes as it takes.
//!
//! It knows nothing of batches or results; a number's place in here is how the rest of the job refers to it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use numcheck_protocol::PhoneNumber;

/// Distinct numbers in the order of their first appearance. About 45 bytes a number.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    packed: Vec<u64>,
    places: HashMap<u64, u32>,
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
        match self.places.entry(packed) {
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
        self.places.get(&number.pack()).copied()
    }

    /// The number at a place.
    pub(crate) fn get(&self, place: u32) -> Option<PhoneNumber> {
        self.packed.get(usize::try_from(place).ok()?).copied().and_then(PhoneNumber::unpack)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }
}
