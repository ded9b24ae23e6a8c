//! The plan: which numbers go into which batch.
//!
//! Pure: it sends nothing and reads no clock. A batch holds numbers of one group (one country), because the first dialect
//! demands it, and as many as the platform takes ten times a second.

use std::collections::BTreeMap;

use numcheck_protocol::{BatchNo, PhoneNumber, ValueError};

use super::numbers::{Added, Numbers};

/// Numbers to check, cut into groups while they are read.
#[derive(Debug)]
pub(crate) struct Plan<G> {
    numbers: Numbers,
    groups: BTreeMap<G, Vec<u32>>,
}

/// Some numbers that travel in one request.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Its number, which every push carries.
    pub(crate) batch_no: BatchNo,
    /// The places of its numbers.
    pub(crate) places: Vec<u32>,
}

impl<G: Ord> Plan<G> {
    pub(crate) fn new() -> Self {
        Self { numbers: Numbers::default(), groups: BTreeMap::new() }
    }

    /// Adds a number; a repeated one changes nothing. `group` is asked for new ones only. Says whether it was new, or `None`
    /// when the job is full.
    pub(crate) fn add(&mut self, number: PhoneNumber, group: impl FnOnce(&PhoneNumber) -> G) -> Option<bool> {
        match self.numbers.add(number)? {
            Added::Known(_) => Some(false),
            Added::New(place) => {
                self.groups.entry(group(&number)).or_default().push(place);
                Some(true)
            }
        }
    }

    /// The batches: groups in their order, at most `most` numbers each, named `prefix-1`, `prefix-2`, …
    ///
    /// # Errors
    /// When the names do not make batch numbers.
    pub(crate) fn cut(self, most: usize, prefix: &str) -> Result<(Numbers, Vec<Batch>), ValueError> {
        let mut batches = Vec::new();
        for places in self.groups.into_values() {
            for places in places.chunks(most.max(1)) {
                let batch_no = BatchNo::new(&format!("{prefix}-{}", batches.len() + 1))?;
                batches.push(Batch { batch_no, places: places.to_vec() });
            }
        }
        Ok((self.numbers, batches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> PhoneNumber {
        PhoneNumber::new(digits).unwrap()
    }

    #[test]
    fn a_batch_holds_one_group_and_no_number_twice() {
        let mut plan = Plan::new();
        let group = |number: &PhoneNumber| number.digits()[..2].to_owned();
        for digits in ["8613800000001", "8521000001", "8613800000002", "8613800000001", "8613800000003"] {
            plan.add(number(digits), group).unwrap();
        }
        let (numbers, batches) = plan.cut(2, "job").unwrap();
        let shown: Vec<(String, Vec<String>)> = batches
            .iter()
            .map(|batch| {
                let digits = |place: &u32| numbers.get(*place).unwrap().digits().to_owned();
                (batch.batch_no.to_string(), batch.places.iter().map(digits).collect())
            })
            .collect();
        let expect =
            |name: &str, digits: &[&str]| (name.to_owned(), digits.iter().map(|&d| d.to_owned()).collect());
        assert_eq!(
            shown,
            [
                expect("job-1", &["8521000001"]),
                expect("job-2", &["8613800000001", "8613800000002"]),
                expect("job-3", &["8613800000003"]),
            ]
        );
    }
}
