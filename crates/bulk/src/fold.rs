//! What becomes of stored results: the rule about money, written once. A store reads what it knows into [`Recorded`], has the results
//! [judged](judge), and writes the [`Changes`] down in the same transaction.

mod sums;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use numcheck_protocol::{Currency, Drift, PhoneNumber, Price};

use crate::batch::proved;
use crate::ledger::Sum;
use crate::model::{BatchState, Outcome};
use crate::pricing::JOINT;
use crate::store::reading::{self, CHARGED, Facts, SharedReader};
use crate::store::{Folded, NewResult};

pub use sums::{Sums, day_of, unpriced_since_ms};

/// A batch and a phone number in it.
pub type BatchPlace = (i64, PhoneNumber);

/// What a result says, in 16 bytes: by it a result is quarantined once.
pub type ResultHash = [u8; 16];

/// How many results may be quarantined for a batch of so many phone numbers. Whoever knows one URL must not fill the store.
pub fn max_quarantined(numbers: u64) -> u64 {
    numbers.saturating_add(1000)
}

/// The longest name of a region or group that teaches a price: a region has two letters, and an index takes no text of any length.
const MAX_PRICED_NAME: usize = 64;

/// A stored result that is to be entered.
#[derive(Clone, Debug)]
pub struct Arrived {
    id: i64,
    batch: Option<i64>,
    result: NewResult,
    facts: Option<Facts>,
}

impl Arrived {
    /// A result, stored under `id`, of the batch that its `batchNo` names, if there is one.
    pub fn new(id: i64, batch: Option<i64>, result: NewResult) -> Self {
        Self { id, batch, result, facts: None }
    }

    /// The store's key of the result.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The batch that its `batchNo` names.
    pub fn batch(&self) -> Option<i64> {
        self.batch
    }
}

/// What a store knows of a batch for which results have come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoldedBatch {
    /// The job whose batch it is.
    pub job: i64,
    /// The account that pays.
    pub account: Arc<str>,
    /// The service, which decides how its results are read.
    pub service: Arc<str>,
    /// The level of the check.
    pub level: i64,
    /// The group of its phone numbers, or several joined ones: by it a cap reckons.
    pub group: Arc<str>,
    /// How far it is.
    pub state: BatchState,
    /// Its `batchNo`.
    pub batch_no: String,
    /// How many phone numbers it has.
    pub numbers: u64,
    /// How many results are quarantined for it.
    pub quarantined: u64,
    /// Whether its job was forgotten.
    pub is_forgotten: bool,
}

impl FoldedBatch {
    /// A batch of a job with this plan: its own fields can be set.
    pub fn new(
        job: i64,
        account: Arc<str>,
        service: Arc<str>,
        level: i64,
        group: Arc<str>,
        batch_no: String,
    ) -> Self {
        let state = BatchState::Planned;
        let (numbers, quarantined, is_forgotten) = (0, 0, false);
        Self { job, account, service, level, group, state, batch_no, numbers, quarantined, is_forgotten }
    }
}

/// The row of a phone number in a batch.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Slot {
    /// The other batch whose sending the row stands for.
    pub via: Option<i64>,
    /// Whether the row has moved into another batch since this one was sent: what was charged counts, and the phone number is counted there.
    pub has_moved: bool,
    /// The result that it has.
    pub held: Option<HeldResult>,
}

impl Slot {
    /// A row of the batch itself, without a result.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A result that a phone number has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldResult {
    /// The store's key of the result.
    pub id: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// The result.
    pub result: NewResult,
}

impl HeldResult {
    /// A result, stored under `id`.
    pub fn new(id: i64, outcome: Outcome, result: NewResult) -> Self {
        Self { id, outcome, result }
    }
}

/// What a store knows of the batches and phone numbers that results are about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// By what results are read.
    reader: SharedReader,
    /// The batches, by their key.
    pub batches: HashMap<i64, FoldedBatch>,
    /// The phone number of a batch that sent only one.
    pub only: HashMap<i64, PhoneNumber>,
    /// The rows of the [`Lookups`] phone numbers, as far as there are any.
    pub slots: HashMap<BatchPlace, Slot>,
}

/// What to read before results can be judged.
#[derive(Clone, Debug, Default)]
pub struct Lookups {
    /// Rows of phone numbers in batches.
    pub places: BTreeSet<BatchPlace>,
    /// Batches of which the only phone number is meant, if they have sent only one.
    pub single: BTreeSet<i64>,
}

impl Lookups {
    /// Adds the phone number of a batch that has sent only one.
    pub fn add_only(&mut self, recorded: &mut Recorded, batch: i64, number: PhoneNumber) {
        recorded.only.insert(batch, number);
        self.places.insert((batch, number));
    }
}

impl Recorded {
    /// Nothing so far. Results are read by `reader`.
    pub fn new(reader: SharedReader) -> Self {
        Self { reader, batches: HashMap::new(), only: HashMap::new(), slots: HashMap::new() }
    }

    /// Reads the results, once the batches are known, and says what is still to be looked up.
    pub fn wanted(&self, arrived: &mut [Arrived]) -> Lookups {
        let mut wanted = Lookups::default();
        for result in arrived {
            let Some((id, batch)) = result.batch.and_then(|id| Some((id, self.batches.get(&id)?))) else {
                continue;
            };
            let NewResult { source, body, .. } = &result.result;
            result.facts = reading::read(&*self.reader, &batch.service, *source, body);
            let Some(facts) = &result.facts else { continue };
            match &facts.number {
                _ if batch.is_forgotten => {}
                Some(number) => _ = wanted.places.insert((id, *number)),
                None => _ = wanted.single.insert(id),
            }
        }
        wanted
    }

    /// Where results belong to rows that have moved into another batch and have no result here. Before such results are [judged
    /// again](judge_again), a store moves the rows back of which the other batch [was split off](crate::batch::BatchRecord::was_split_off) and
    /// the book's newest sending: its own reply ends the doubt about a phone number, and no other's.
    pub fn moved(&self, arrived: &[Arrived]) -> Vec<BatchPlace> {
        let place = |one: &Arrived| self.place(one.batch?, one.facts.as_ref()?);
        let has_moved = |slot: &Slot| slot.has_moved && slot.held.is_none();
        arrived
            .iter()
            .filter_map(place)
            .filter(|place| self.slots.get(place).is_some_and(has_moved))
            .collect()
    }

    fn place(&self, batch: i64, facts: &Facts) -> Option<BatchPlace> {
        let number = facts.number.or_else(|| self.only.get(&batch).copied())?;
        self.slots.contains_key(&(batch, number)).then_some((batch, number))
    }
}

/// A result that is its phone number's from now on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FirstResult {
    /// The store's key of the result.
    pub id: i64,
    /// The row that takes it.
    pub place: BatchPlace,
    /// When it came, Unix time in milliseconds.
    pub received_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The row stood for another batch's sending, and stands for its own from now on; with the outcome that it had taken over.
    pub detached: Option<(i64, Option<Outcome>)>,
}

/// A result that is quarantined.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QuarantineEntry {
    /// The store's key of the result.
    pub id: i64,
    /// The `batchNo` that it names.
    pub batch_no: String,
    /// The phone number of which it is a second result; else it belongs to none.
    pub number: Option<PhoneNumber>,
    /// What it says. At 128 or more in the first byte it is the charge of another sending than the first result's.
    pub hash: ResultHash,
}

/// A result that may have to be quarantined.
#[derive(Clone, Debug)]
struct Candidate {
    arrived: Arrived,
    number: Option<PhoneNumber>,
    /// It belongs to another sending than the first result, and was charged, too.
    is_second_charge: bool,
    hash: ResultHash,
}

/// The key under which results are quarantined: the `batchNo` that they name, and the phone number of which they are a second result.
pub type QuarantineKey = (String, Option<PhoneNumber>);

/// What is quarantined already, as far as it is [asked](Judged::quarantined) for.
#[derive(Clone, Debug, Default)]
pub struct QuarantinedBefore(HashMap<QuarantineKey, HashSet<ResultHash>>);

impl QuarantinedBefore {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is kept: the result that was asked for, or any charge of the same key.
    pub fn add(&mut self, batch_no: String, number: Option<PhoneNumber>, hash: ResultHash) {
        self.0.entry((batch_no, number)).or_default().insert(hash);
    }

    /// A sending has one charge: it stands behind all other results of its phone number.
    fn compare(&self, key: &QuarantineKey, hash: &ResultHash) -> (bool, bool) {
        let Some(kept) = self.0.get(key) else { return (false, false) };
        let has_charge = kept.iter().any(is_charge);
        (kept.contains(hash) || kept.contains(&as_charge(*hash)), has_charge && key.1.is_some())
    }
}

fn as_charge(mut hash: ResultHash) -> ResultHash {
    let [first, ..] = &mut hash;
    *first |= CHARGED;
    hash
}

fn is_charge(hash: &ResultHash) -> bool {
    let [first, ..] = hash;
    first & CHARGED != 0
}

/// What becomes of some results, to be written in one transaction.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Changes {
    /// Rows that take a result.
    pub firsts: Vec<FirstResult>,
    /// Rows that take a result in the place of another one, which is quarantined under the `batchNo` that the new one names.
    pub instead: Vec<(FirstResult, QuarantineEntry)>,
    /// Results that are not kept.
    pub dropped: Vec<i64>,
    /// Results that leave the quarantine, before anything else is written: what becomes of them stands in the other fields. Only after
    /// [`judge_again`].
    pub released: Vec<i64>,
    /// Results that are quarantined.
    pub quarantined: Vec<QuarantineEntry>,
    /// What is added to batches.
    pub tallies: BTreeMap<i64, BatchTally>,
    /// What is [added](Sums::added_to) to sums of money.
    pub sums: Sums,
    /// How often undocumented fields and values came, by job.
    pub drift: BTreeMap<(i64, Drift), u64>,
}

/// What results add to a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchTally {
    /// The job whose batch it is.
    pub job: i64,
    /// Phone numbers that were checked.
    pub done: i64,
    /// Phone numbers that could not be checked.
    pub failed: i64,
    /// Phone numbers that were not taken; below 0 where results have come for some.
    pub refused: i64,
    /// Results without a price that can be believed.
    pub unpriced: i64,
    /// Phone numbers that are the batch's own again.
    pub numbers: i64,
    /// Results that are quarantined for it; below 0 where some have left.
    pub quarantined: i64,
    /// Results of another sending of a phone number, which were charged, too.
    pub charged_again: i64,
    /// What the results prove about it; `None` where they prove nothing, or its request is still under way.
    pub proof: Option<AcceptedBy>,
}

/// That a batch was accepted. The reason for a doubt or a refusal is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedBy {
    /// Its `batchNo` from then on.
    pub batch_no: String,
    /// When the result came, Unix time in milliseconds: when it was sent, if nobody knows better.
    pub received_ms: u64,
}

/// Results that were judged, but for what is quarantined already.
#[derive(Debug)]
pub struct Judged {
    recorded: Recorded,
    changes: Changes,
    folded: Folded,
    quarantined: Vec<Candidate>,
}

/// Judges results in their order.
///
/// ```
/// use std::sync::Arc;
///
/// use numcheck_bulk::fold::{Arrived, FoldedBatch, QuarantinedBefore, Recorded, Slot, judge};
/// use numcheck_bulk::store::reading::{Facts, ReadResults};
/// use numcheck_bulk::store::{NewResult, Source};
/// use numcheck_bulk::{BatchState, Outcome};
/// use numcheck_protocol::PhoneNumber;
///
/// /// A service whose results are nothing but phone numbers.
/// struct Digits;
///
/// impl ReadResults for Digits {
///     fn read(&self, _service: &str, _source: Source, body: &[u8]) -> Option<Facts> {
///         let mut facts = Facts::new(Outcome::Done);
///         facts.number = Some(PhoneNumber::new(std::str::from_utf8(body).ok()?).ok()?);
///         facts.cost = Some(("USD".parse().ok()?, "0.02".parse().ok()?));
///         Some(facts)
///     }
/// }
///
/// let mut batch = FoldedBatch::new(1, "account".into(), "digits".into(), 1, "CN".into(), "nc-1".into());
/// (batch.state, batch.numbers) = (BatchState::InDoubt, 1);
/// let mut recorded = Recorded::new(Arc::new(Digits));
/// recorded.batches.insert(5, batch);
///
/// let body = b"8613800138000".to_vec();
/// let push = NewResult { batch_no: "nc-1".into(), source: Source::Push, body, received_ms: 1_000 };
/// let mut arrived = vec![Arrived::new(9, Some(5), push)];
/// // A store looks these up, and enters what it finds.
/// for place in recorded.wanted(&mut arrived).places {
///     recorded.slots.insert(place, Slot::new());
/// }
/// let (changes, folded) = judge(arrived, recorded).finish(&QuarantinedBefore::new());
/// assert_eq!((folded.first, changes.firsts[0].id), (1, 9));
/// assert!(changes.tallies[&5].proof.is_some(), "the batch was accepted: its doubt is over");
/// assert_eq!(changes.sums.costs.len(), 1);
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
pub fn judge(arrived: Vec<Arrived>, recorded: Recorded) -> Judged {
    let mut judged =
        Judged { recorded, changes: Changes::default(), folded: Folded::default(), quarantined: Vec::new() };
    for result in arrived {
        judged.folded.seen += 1;
        judged.judge_one(result);
    }
    judged
}

/// Judges results once more that were quarantined without a phone number: by now they may be readable, or their batch may be known. Those
/// that belong to a phone number leave the quarantine ([`Changes::released`]); the others stay there, and nothing is said of them.
pub fn judge_again(quarantined: Vec<Arrived>, recorded: Recorded) -> Judged {
    let belongs = |one: &Arrived| {
        one.batch.zip(one.facts.as_ref()).is_some_and(|(batch, facts)| recorded.place(batch, facts).is_some())
    };
    let arrived: Vec<Arrived> = quarantined.into_iter().filter(belongs).collect();
    let released: Vec<_> = arrived.iter().map(|one| (one.id, one.batch)).collect();
    let mut judged = judge(arrived, recorded);
    for (id, batch) in released {
        judged.changes.released.push(id);
        let batch = batch.and_then(|batch| Some((batch, judged.recorded.batches.get(&batch)?)));
        let Some((batch, known)) = batch else { continue };
        let tally = judged.changes.tally(batch, known);
        // One that came before its batch was known was not counted for it.
        if known.quarantined.saturating_add_signed(tally.quarantined) > 0 {
            tally.quarantined -= 1;
        }
    }
    judged
}

impl Judged {
    fn judge_one(&mut self, mut arrived: Arrived) {
        let Self { recorded, changes, folded, .. } = self;
        let batch = arrived.batch.and_then(|id| Some((id, recorded.batches.get(&id)?)));
        // A person has had it forgotten: nothing of it is kept, however late it comes.
        if batch.is_some_and(|(_, batch)| batch.is_forgotten) {
            return changes.dropped.push(arrived.id);
        }
        let place = batch.zip(arrived.facts.as_ref()).and_then(|((id, _), facts)| recorded.place(id, facts));
        let (Some((id, batch)), Some(place)) = (batch, place) else {
            return self.quarantine(arrived, None, false);
        };
        let Some(facts) = arrived.facts.take() else { return self.quarantine(arrived, None, false) };
        let slot = recorded.slots.get(&place);
        let has_moved = slot.is_some_and(|slot| slot.has_moved);
        let own = slot.filter(|slot| slot.via.is_none()).and_then(|slot| slot.held.as_ref());
        let outcome = facts.outcome;
        let first = |detached| FirstResult {
            id: arrived.id,
            place,
            received_ms: arrived.result.received_ms,
            outcome,
            detached,
        };
        match own {
            Some(held) if reading::replaces(arrived.result.source, held.result.source) => {
                folded.conflicts += 1;
                let before = QuarantineEntry {
                    id: held.id,
                    batch_no: arrived.result.batch_no.clone(),
                    number: Some(place.1),
                    hash: reading::hash(&*recorded.reader, &batch.service, held.result.parts(), true),
                };
                changes.instead.push((first(None), before));
                if has_moved {
                    changes.enter_beside(id, batch, &arrived, facts);
                } else {
                    changes.enter(id, batch, &arrived, facts);
                    changes.tally(id, batch).refused -= 1;
                }
            }
            Some(held)
                if held.result.batch_no == arrived.result.batch_no
                    && reading::same(
                        &*recorded.reader,
                        &batch.service,
                        held.result.parts(),
                        arrived.result.parts(),
                    ) =>
            {
                folded.repeats += 1;
                return changes.dropped.push(arrived.id);
            }
            Some(held) => {
                let is_second_charge = held.result.batch_no != arrived.result.batch_no && facts.is_charge();
                arrived.facts = Some(facts);
                return self.quarantine(arrived, Some(place.1), is_second_charge);
            }
            None if has_moved => {
                let count = if facts.is_charge() { &mut folded.charged_again } else { &mut folded.first };
                *count += 1;
                changes.firsts.push(first(None));
                changes.enter_beside(id, batch, &arrived, facts);
            }
            None => {
                folded.first += 1;
                let detached =
                    slot.and_then(|slot| Some((slot.via?, slot.held.as_ref().map(|held| held.outcome))));
                changes.tally(id, batch).numbers += i64::from(detached.is_some());
                changes.firsts.push(first(detached));
                changes.enter(id, batch, &arrived, facts);
            }
        }
        let held = Some(HeldResult { id: arrived.id, outcome, result: arrived.result });
        recorded.slots.insert(place, Slot { via: None, has_moved, held });
    }

    fn quarantine(&mut self, arrived: Arrived, number: Option<PhoneNumber>, is_second_charge: bool) {
        let batch = arrived.batch.and_then(|id| self.recorded.batches.get(&id));
        let service = batch.map_or("", |batch| &batch.service);
        let hash = reading::hash(&*self.recorded.reader, service, arrived.result.parts(), number.is_some());
        self.quarantined.push(Candidate { arrived, number, is_second_charge, hash });
    }

    /// What to look up before this can be [finished](Self::finish): whether the same is quarantined already, by `batchNo`, phone number and
    /// hash; and, where there is a phone number, every hash of the same two at 128 or more in its first byte.
    pub fn quarantined(&self) -> impl ExactSizeIterator<Item = (&str, Option<PhoneNumber>, &ResultHash)> {
        self.quarantined.iter().map(|one| (one.arrived.result.batch_no.as_str(), one.number, &one.hash))
    }

    /// What is to be written, and what to tell. What is quarantined is kept once, however often it comes, and a sending is charged once,
    /// pushed and fetched.
    pub fn finish(mut self, kept: &QuarantinedBefore) -> (Changes, Folded) {
        let (mut new, mut charged) = (HashSet::new(), HashSet::new());
        for mut one in std::mem::take(&mut self.quarantined) {
            let key = (std::mem::take(&mut one.arrived.result.batch_no), one.number);
            let (is_kept, has_charge) = kept.compare(&key, &one.hash);
            if is_kept || !new.insert((key.clone(), one.hash)) {
                self.folded.repeats += 1;
                self.changes.dropped.push(one.arrived.id);
                continue;
            }
            one.is_second_charge &= !has_charge && !charged.contains(&key);
            if one.is_second_charge {
                charged.insert(key.clone());
                one.hash = as_charge(one.hash);
            }
            match one.number {
                Some(_) if one.is_second_charge => self.folded.charged_again += 1,
                Some(_) => self.folded.conflicts += 1,
                None => self.folded.strays += 1,
            }
            self.count_quarantined(&one, &key.0);
            let (batch_no, number) = key;
            self.changes.quarantined.push(QuarantineEntry {
                id: one.arrived.id,
                batch_no,
                number,
                hash: one.hash,
            });
        }
        (self.changes, self.folded)
    }

    fn count_quarantined(&mut self, one: &Candidate, batch_no: &str) {
        let Self { recorded, changes, folded, .. } = self;
        let batch = one.arrived.batch.and_then(|id| Some((id, recorded.batches.get(&id)?)));
        let Some((id, batch)) = batch else { return };
        if let Some(facts) = &one.arrived.facts {
            if one.is_second_charge {
                changes.charge(id, batch, one.arrived.result.received_ms, facts);
                changes.tally(id, batch).charged_again += 1;
            }
            changes.count_drift(batch, facts.drift.clone());
        }
        if one.is_second_charge {
            return;
        }
        let tally = changes.tally(id, batch);
        tally.quarantined += 1;
        let is_full =
            batch.quarantined.saturating_add_signed(tally.quarantined) >= max_quarantined(batch.numbers);
        if is_full && !folded.full.iter().any(|full| full == batch_no) {
            folded.full.push(batch_no.to_owned());
        }
    }
}

impl Changes {
    fn tally(&mut self, id: i64, batch: &FoldedBatch) -> &mut BatchTally {
        let tally = self.tallies.entry(id).or_default();
        tally.job = batch.job;
        tally
    }

    /// Counts what a result of a phone number that has moved into another batch has cost.
    fn enter_beside(&mut self, id: i64, batch: &FoldedBatch, arrived: &Arrived, facts: Facts) {
        self.prove(id, batch, arrived);
        if facts.is_charge() {
            self.tally(id, batch).charged_again += 1;
            self.charge(id, batch, arrived.result.received_ms, &facts);
        }
        self.count_drift(batch, facts.drift);
    }

    fn prove(&mut self, id: i64, batch: &FoldedBatch, arrived: &Arrived) {
        let tally = self.tally(id, batch);
        if tally.proof.is_some() {
            return;
        }
        let NewResult { batch_no, received_ms, .. } = &arrived.result;
        let accepted = proved(batch.state, &batch.batch_no, batch_no);
        tally.proof = accepted
            .map(|(_, batch_no)| AcceptedBy { batch_no: batch_no.to_owned(), received_ms: *received_ms });
    }

    /// Counts a result that is its phone number's from now on.
    fn enter(&mut self, id: i64, batch: &FoldedBatch, arrived: &Arrived, facts: Facts) {
        self.prove(id, batch, arrived);
        let tally = self.tally(id, batch);
        match facts.outcome {
            Outcome::Done => tally.done += 1,
            Outcome::Failed | Outcome::Passing => tally.failed += 1,
            Outcome::Refused => tally.refused += 1,
        }
        self.charge(id, batch, arrived.result.received_ms, &facts);
        self.count_drift(batch, facts.drift);
    }

    fn charge(&mut self, id: i64, batch: &FoldedBatch, received_ms: u64, facts: &Facts) {
        let Some((currency, price)) = facts.cost else {
            // A failed check carries no cost in the first dialect.
            self.tally(id, batch).unpriced += i64::from(facts.outcome == Outcome::Done);
            return;
        };
        let outcome = if facts.outcome.is_failed() { Outcome::Failed } else { Outcome::Done };
        let cost = self.sums.costs.entry((batch.job, outcome, currency)).or_default();
        *cost = cost.plus(Sum { count: 1, amount: price });
        let key = (Arc::clone(&batch.account), day_of(received_ms), currency);
        let day = self.sums.charges.entry(key).or_default();
        *day = day.checked_add(price).unwrap_or(*day);
        let region = facts.region.as_deref();
        if let Some(region) = region {
            self.learn_price(batch.level, region, currency, price);
        }
        // What is free because it failed is no price of a group. Of which part of joined groups it is, only a region can tell.
        let parts = || batch.group.split(JOINT).filter(|part| !part.is_empty());
        if facts.is_charge() && !parts().any(|part| Some(part) == region) {
            for part in parts() {
                self.learn_price(batch.level, part, currency, price);
            }
        }
    }

    fn learn_price(&mut self, level: i64, name: &str, currency: Currency, price: Price) {
        if name.len() > MAX_PRICED_NAME {
            return;
        }
        let key = (level, name.replace('\0', "\u{fffd}"), currency);
        let highest = self.sums.prices.entry(key).or_insert(price);
        *highest = (*highest).max(price);
    }

    fn count_drift(&mut self, batch: &FoldedBatch, drift: Vec<Drift>) {
        for one in drift {
            *self.drift.entry((batch.job, one)).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests;
