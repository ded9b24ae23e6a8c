//! The plan: which numbers travel in which batch.
//!
//! Pure: it sends nothing, reads no clock and no file. A batch holds numbers of one group (one country), because the first dialect
//! demands it, or of several, because the second allows it: that saves requests where countries are many.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use numcheck_protocol::{BatchNo, PhoneNumber, Rate, ValueError};

use crate::model::JobName;
use crate::pricing::{Estimate, PriceTable};
use crate::store::{Duplicate, NewBatch};

/// Collects the numbers of an input, each once, about 60 bytes a number.
#[derive(Debug)]
pub struct Planner<G> {
    rows: HashMap<u64, u32>,
    groups: BTreeMap<G, Vec<(u64, u32)>>,
    duplicates: Vec<(u32, u32)>,
}

/// What adding a number found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// It stands in an earlier row.
    Duplicate,
}

/// A row beyond the 4 294 967 295th.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more rows than a job can hold: cut the file")]
#[non_exhaustive]
pub struct TooMany;

impl<G> Default for Planner<G> {
    fn default() -> Self {
        Self { rows: HashMap::new(), groups: BTreeMap::new(), duplicates: Vec::new() }
    }
}

impl<G: Ord + std::fmt::Display> Planner<G> {
    /// Adds the number of a row, counted from 0. `group` is asked for new numbers only.
    ///
    /// # Errors
    /// When the row is beyond what a job can hold.
    pub fn add(
        &mut self,
        row: u64,
        number: PhoneNumber,
        group: impl FnOnce(&PhoneNumber) -> G,
    ) -> Result<Added, TooMany> {
        let row = u32::try_from(row).map_err(|_| TooMany)?;
        let packed = number.pack();
        match self.rows.entry(packed) {
            Entry::Occupied(first) => {
                self.duplicates.push((row, *first.get()));
                Ok(Added::Duplicate)
            }
            Entry::Vacant(vacant) => {
                vacant.insert(row);
                self.groups.entry(group(&number)).or_default().push((packed, row));
                Ok(Added::New)
            }
        }
    }

    /// The plan, with at most `most` numbers in a batch.
    pub fn finish(self, groups: Grouping, most: usize) -> Plan {
        // What told duplicates is not needed any more, and is the larger part.
        drop(self.rows);
        let list = self.groups.into_iter().map(|(group, numbers)| (group.to_string(), numbers)).collect();
        Plan { groups: list, grouping: groups, duplicates: self.duplicates, most: most.max(1) }
    }
}

/// Whether groups may share a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// A batch holds numbers of one group: every platform account takes it.
    #[default]
    Apart,
    /// A batch may hold numbers of several groups: accounts of the second dialect take it.
    Together,
}

/// What the names of a mixed batch's groups are joined with.
pub(crate) const JOINT: char = ',';

/// A plan: groups in their order, cut into batches.
#[derive(Clone, Debug)]
pub struct Plan {
    groups: Vec<(String, Vec<(u64, u32)>)>,
    grouping: Grouping,
    duplicates: Vec<(u32, u32)>,
    most: usize,
}

impl Plan {
    /// The same numbers in batches of whichever of these sizes takes the shortest time under the platform's limits; of equally fast ones
    /// the first.
    #[must_use]
    pub fn in_fastest(mut self, sizes: &[usize], rates: &[Rate]) -> Self {
        let time = |plan: &mut Self, size: usize| {
            plan.most = size.max(1);
            plan.shortest_ms(rates)
        };
        let fastest = sizes.iter().copied().min_by_key(|size| time(&mut self, *size));
        self.most = fastest.unwrap_or(self.most).max(1);
        self
    }

    /// The most numbers in a batch.
    pub fn batch_size(&self) -> usize {
        self.most
    }

    /// Distinct numbers.
    pub fn numbers(&self) -> u64 {
        self.groups.iter().map(|(_, numbers)| numbers.len() as u64).sum()
    }

    /// Groups in their order: name, numbers.
    pub fn groups(&self) -> impl Iterator<Item = (&str, u64)> {
        self.groups.iter().map(|(group, numbers)| (group.as_str(), numbers.len() as u64))
    }

    /// How many batches.
    pub fn batches(&self) -> u64 {
        self.sizes().count() as u64
    }

    /// How many numbers each batch holds.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        let together = usize::try_from(self.numbers()).unwrap_or(usize::MAX);
        let (apart, together) = match self.grouping {
            Grouping::Apart => (self.groups.as_slice(), None),
            Grouping::Together => (&[][..], Some(together)),
        };
        let most = self.most;
        let stretches = apart.iter().map(|(_, numbers)| numbers.len()).chain(together);
        stretches.flat_map(move |mut left| {
            std::iter::from_fn(move || {
                let size = left.min(most);
                left -= size;
                (size > 0).then_some(size)
            })
        })
    }

    /// The shortest possible time for submitting, in milliseconds, under the platform's limits (the tightest that applies first).
    pub fn shortest_ms(&self, rates: &[Rate]) -> u64 {
        let of_batch = |numbers: usize| {
            let covers = |rate: &&Rate| rate.up_to.is_none_or(|most| numbers <= most as usize);
            rates
                .iter()
                .find(covers)
                .map_or(0, |rate| u64::from(rate.per_ms) / u64::from(rate.requests.max(1)))
        };
        // The first request waits for nobody.
        self.sizes().skip(1).map(of_batch).sum()
    }

    /// What it will cost, as far as prices are known.
    pub fn estimate(&self, prices: &PriceTable, level: i64) -> Estimate {
        let mut estimate = Estimate::default();
        for (group, numbers) in self.groups() {
            estimate.add(prices, level, group, numbers);
        }
        estimate
    }

    /// Rows that repeat the number of an earlier row.
    pub fn duplicates(&self) -> impl Iterator<Item = Duplicate> {
        self.duplicates.iter().map(|(row, first)| Duplicate { row: (*row).into(), first: (*first).into() })
    }

    /// The batches, numbered `<job>-1`, `<job>-2`, …: the same plan gives the same numbers.
    pub fn cut(&self, job: &JobName) -> impl Iterator<Item = Result<NewBatch, ValueError>> {
        let mut numbers = self.groups.iter().flat_map(|(group, numbers)| {
            numbers.iter().map(move |(packed, row)| (group.as_str(), *packed, *row))
        });
        self.sizes().enumerate().map(move |(at, size)| {
            let batch_no = BatchNo::new(&format!("nc-{job}-{}", at + 1))?;
            let mut batch = NewBatch { batch_no, group: String::new(), numbers: Vec::with_capacity(size) };
            let mut last = None;
            for (group, packed, row) in numbers.by_ref().take(size) {
                if last != Some(group) {
                    if last.is_some() {
                        batch.group.push(JOINT);
                    }
                    batch.group.push_str(group);
                    last = Some(group);
                }
                batch.numbers.extend(PhoneNumber::unpack(packed).map(|number| (number, u64::from(row))));
            }
            Ok(batch)
        })
    }
}
