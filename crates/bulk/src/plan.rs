//! The plan: which numbers travel in which batch.
//!
//! Pure: it sends nothing, reads no clock and no file. A batch holds numbers of one group (one country), because the first dialect
//! demands it, or of several, because the second allows it: that saves requests where countries are many.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use numcheck_protocol::{PhoneNumber, Rate, ValueError};

use crate::batch::batch_no;
use crate::model::JobName;
use crate::pace::interval_ms;
use crate::pricing::{Estimate, JOINT, PriceTable};
use crate::store::{Duplicate, NewBatch};

/// Collects the numbers of an input, each once, in about 30 bytes a number.
#[derive(Debug)]
pub struct Planner<G> {
    /// Where each number stands in `numbers`.
    places: HashTable<u32>,
    hasher: RandomState,
    numbers: Vec<Planned>,
    /// Groups by the order in which they came.
    groups: BTreeMap<G, u32>,
    duplicates: Vec<(u32, u32)>,
}

/// A number of the plan, 16 bytes.
#[derive(Clone, Copy, Debug)]
struct Planned {
    packed: u64,
    row: u32,
    group: u32,
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
        Self {
            places: HashTable::new(),
            hasher: RandomState::new(),
            numbers: Vec::new(),
            groups: BTreeMap::new(),
            duplicates: Vec::new(),
        }
    }
}

impl<G: Ord + std::fmt::Display> Planner<G> {
    /// How many distinct phone numbers were added.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

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
        let place = u32::try_from(self.numbers.len()).map_err(|_| TooMany)?;
        let Self { numbers, hasher, .. } = self;
        let at = |place: u32| usize::try_from(place).ok().and_then(|place| numbers.get(place));
        let hash_of = |place: &u32| at(*place).map_or(0, |number| hasher.hash_one(number.packed));
        let is_same = |place: &u32| at(*place).is_some_and(|number| number.packed == packed);
        match self.places.entry(hasher.hash_one(packed), is_same, hash_of) {
            Entry::Occupied(known) => {
                let first = at(*known.get()).map_or(row, |number| number.row);
                self.duplicates.push((row, first));
                Ok(Added::Duplicate)
            }
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                let next = u32::try_from(self.groups.len()).map_err(|_| TooMany)?;
                let group = *self.groups.entry(group(&number)).or_insert(next);
                self.numbers.push(Planned { packed, row, group });
                Ok(Added::New)
            }
        }
    }

    /// The plan, with at most `most` numbers in a batch.
    pub fn finish(self, grouping: Grouping, most: usize) -> Plan {
        let Self { places, mut numbers, groups, duplicates, .. } = self;
        // What told duplicates is not needed any more.
        drop(places);
        // From the order in which groups came to the order in which they are sent.
        let mut order = vec![0; groups.len()];
        for (position, came) in (0..).zip(groups.values()) {
            if let Some(of_it) = usize::try_from(*came).ok().and_then(|came| order.get_mut(came)) {
                *of_it = position;
            }
        }
        for number in &mut numbers {
            let came = usize::try_from(number.group).ok();
            number.group = came.and_then(|came| order.get(came)).copied().unwrap_or_default();
        }
        numbers.sort_unstable_by_key(|number| (number.group, number.row));
        let names: Vec<String> = groups.into_keys().map(|group| group.to_string()).collect();
        let groups = parts(&names, &numbers, 0);
        let known = Vec::new();
        Plan { names, groups, known, numbers, grouping, duplicates, most: most.max(1) }
    }
}

/// Each group with its part of sorted numbers, which begin at `offset`; a group without any has none.
fn parts(names: &[String], numbers: &[Planned], offset: usize) -> Vec<(u32, Range<usize>)> {
    let (mut parts, mut start) = (Vec::with_capacity(names.len()), offset);
    for chunk in numbers.chunk_by(|one, next| one.group == next.group) {
        if let Some(first) = chunk.first() {
            parts.push((first.group, start..start + chunk.len()));
        }
        start += chunk.len();
    }
    parts
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

/// A plan: groups in their order, cut into batches.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The groups' names, in their order.
    names: Vec<String>,
    /// Each with its part of the numbers.
    groups: Vec<(u32, Range<usize>)>,
    /// The same of numbers that are set apart, which stand behind the others.
    known: Vec<(u32, Range<usize>)>,
    /// In the order of the groups, and of rows within each.
    numbers: Vec<Planned>,
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
        self.numbers.len() as u64
    }

    /// Groups in their order: name, numbers; of those that are not set apart.
    pub fn groups(&self) -> impl Iterator<Item = (&str, u64)> {
        self.groups.iter().map(|(group, numbers)| (self.group(*group), numbers.len() as u64))
    }

    fn group(&self, group: u32) -> &str {
        usize::try_from(group).ok().and_then(|group| self.names.get(group)).map_or("", String::as_str)
    }

    /// Every phone number, its first row, and its group.
    pub fn entries(&self) -> impl Iterator<Item = (PhoneNumber, u64, &str)> {
        self.numbers.iter().filter_map(|planned| {
            Some((PhoneNumber::unpack(planned.packed)?, u64::from(planned.row), self.group(planned.group)))
        })
    }

    /// Sets phone numbers apart that will hardly be sent, because the book knows them: they travel in batches of their own, so that the
    /// others fill theirs. `is_known` is asked in the order of [`entries`](Self::entries).
    pub fn set_apart(&mut self, mut is_known: impl FnMut(&PhoneNumber) -> bool) {
        let known =
            |planned: &Planned| PhoneNumber::unpack(planned.packed).is_some_and(|number| is_known(&number));
        let (known, mut others): (Vec<Planned>, Vec<Planned>) = self.numbers.iter().copied().partition(known);
        self.groups = parts(&self.names, &others, 0);
        self.known = parts(&self.names, &known, others.len());
        others.extend(known);
        self.numbers = others;
    }

    /// The packed phone numbers in ascending order.
    pub(crate) fn sorted(&self) -> Vec<u64> {
        let mut sorted: Vec<u64> = self.numbers.iter().map(|planned| planned.packed).collect();
        sorted.sort_unstable();
        sorted
    }

    /// How many batches, those of phone numbers that are set apart not counted.
    pub fn batches(&self) -> u64 {
        self.sent_chunks().count() as u64
    }

    /// The shortest possible time for submitting, in milliseconds, under the platform's limits (the tightest that applies first). Two
    /// requests lie as far apart as the longer of their intervals, as they do when they are sent.
    pub fn shortest_ms(&self, rates: &[Rate]) -> u64 {
        let intervals =
            || self.sent_chunks().map(|chunk| interval_ms(rates, chunk.len() as u64).unwrap_or(0));
        // The first request waits for nobody.
        intervals().zip(intervals().skip(1)).map(|(one, next)| one.max(next)).sum()
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

    /// Batches in their order.
    fn chunks(&self) -> impl Iterator<Item = &[Planned]> {
        let known = self.known.iter().filter_map(|(_, part)| self.numbers.get(part.clone()));
        self.sent_chunks().chain(known.flat_map(|part| part.chunks(self.most)))
    }

    /// Batches of phone numbers that are not set apart.
    fn sent_chunks(&self) -> impl Iterator<Item = &[Planned]> {
        let others = self.known.first().map_or(self.numbers.len(), |(_, part)| part.start);
        let (apart, together) = match self.grouping {
            Grouping::Apart => (self.groups.as_slice(), 0..0),
            Grouping::Together => (&[][..], 0..others),
        };
        let parts = apart.iter().map(|(_, part)| part.clone()).chain([together]);
        parts.filter_map(|part| self.numbers.get(part)).flat_map(|part| part.chunks(self.most))
    }

    /// The names of a batch's groups.
    fn name(&self, chunk: &[Planned]) -> String {
        let groups = chunk.chunk_by(|one, next| one.group == next.group).filter_map(<[_]>::first);
        let mut name = String::new();
        for group in groups.map(|first| self.group(first.group)) {
            if !name.is_empty() {
                name.push(JOINT);
            }
            name.push_str(group);
        }
        name
    }

    /// The batches, numbered `<job>-1`, `<job>-2`, …: the same plan gives the same numbers.
    pub fn cut(&self, job: &JobName) -> impl Iterator<Item = Result<NewBatch, ValueError>> {
        self.chunks().enumerate().map(move |(at, chunk)| {
            let batch_no = batch_no(job, at as u64 + 1)?;
            let numbers = chunk
                .iter()
                .filter_map(|number| Some((PhoneNumber::unpack(number.packed)?, u64::from(number.row))))
                .collect();
            Ok(NewBatch { batch_no, group: self.name(chunk), numbers })
        })
    }
}
