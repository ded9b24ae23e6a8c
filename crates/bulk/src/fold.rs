//! What becomes of stored results: the one rule about money. Stores read what is known, ask here, and write the changes down.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use numcheck_protocol::{Currency, Drift, PhoneNumber, Price};

use crate::model::Outcome;
use crate::pricing::JOINT;
use crate::store::reading::{self, Facts};
use crate::store::{Folded, Source};

/// A batch and a packed phone number in it.
pub(crate) type Place = (i64, i64);

/// How many results may be kept aside for a batch of so many phone numbers. Whoever knows one URL must not fill the store.
pub(crate) fn max_aside(numbers: i64) -> i64 {
    numbers.max(0).saturating_add(1000)
}

/// A day in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A UTC day of Unix time in milliseconds.
pub(crate) fn day_of(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

/// A stored result and the batch that it names.
pub(crate) struct Arrived {
    pub(crate) id: i64,
    pub(crate) source: Source,
    pub(crate) body: Vec<u8>,
    pub(crate) batch_no: String,
    pub(crate) received_ms: i64,
    pub(crate) batch: Option<Batch>,
    pub(crate) facts: Option<Facts>,
}

/// What a fold has to know of a batch.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) id: i64,
    pub(crate) job: i64,
    pub(crate) account: std::sync::Arc<str>,
    /// The group of its phone numbers, or several joined ones: by it a cap reckons.
    pub(crate) group: std::sync::Arc<str>,
    pub(crate) level: i64,
    pub(crate) numbers: i64,
    /// How many results are kept aside for it.
    pub(crate) aside: i64,
    pub(crate) is_forgotten: bool,
}

/// A phone number of a batch.
#[derive(Clone)]
pub(crate) struct Slot {
    /// The other batch whose sending the row stands for.
    pub(crate) via: Option<i64>,
    /// The row has moved into another batch since this one was sent: what was charged counts, and the phone number is counted there.
    pub(crate) has_moved: bool,
    pub(crate) has: Option<Has>,
}

/// A result that a phone number has.
#[derive(Clone)]
pub(crate) struct Has {
    pub(crate) id: i64,
    pub(crate) source: Source,
    pub(crate) outcome: Outcome,
    pub(crate) batch_no: String,
    pub(crate) body: Vec<u8>,
}

/// What is known of the phone numbers that results are about.
#[derive(Default)]
pub(crate) struct Known {
    /// The phone number of a batch that sent only one.
    pub(crate) only: HashMap<i64, i64>,
    pub(crate) slots: HashMap<Place, Slot>,
}

/// What to read before results can be judged: phone numbers of batches, and batches of which the only one is meant.
pub(crate) fn wanted(arrived: &[Arrived]) -> (BTreeSet<Place>, BTreeSet<i64>) {
    let (mut places, mut single) = (BTreeSet::new(), BTreeSet::new());
    for (batch, facts) in arrived.iter().filter_map(|result| result.batch.as_ref().zip(result.facts.as_ref()))
    {
        match &facts.number {
            _ if batch.is_forgotten => {}
            Some(number) => _ = places.insert((batch.id, packed(number))),
            None => _ = single.insert(batch.id),
        }
    }
    (places, single)
}

pub(crate) fn packed(number: &PhoneNumber) -> i64 {
    number.pack() as i64
}

impl Known {
    fn place(&self, batch: &Batch, facts: &Facts) -> Option<Place> {
        let packed = match &facts.number {
            Some(number) => packed(number),
            None => *self.only.get(&batch.id)?,
        };
        self.slots.contains_key(&(batch.id, packed)).then_some((batch.id, packed))
    }
}

/// The first result of a phone number.
pub(crate) struct First {
    pub(crate) id: i64,
    pub(crate) place: Place,
    pub(crate) received_ms: i64,
    pub(crate) outcome: Outcome,
    /// The row stood for another sending, and stands for its own from now on; with the outcome that it had taken over.
    pub(crate) detached: Option<(i64, Option<Outcome>)>,
}

/// A result that is kept aside.
pub(crate) struct Aside {
    pub(crate) result: Arrived,
    /// The phone number of which it is a second result.
    pub(crate) packed: Option<i64>,
    /// It belongs to another sending than the first result, and was charged, too.
    pub(crate) is_second_charge: bool,
    /// What it says, the id aside, and whether it is a [charge](reading::CHARGED).
    pub(crate) hash: [u8; 16],
}

impl Aside {
    /// Its hash as the charge of its sending.
    pub(crate) fn charge_hash(&self) -> [u8; 16] {
        let mut hash = self.hash;
        let [first, ..] = &mut hash;
        *first |= reading::CHARGED;
        hash
    }
}

/// What is kept aside already of the same `batchNo` and phone number as a result.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    /// The same, a charge or not.
    pub(crate) same: bool,
    /// The charge of that sending.
    pub(crate) charge: bool,
}

/// What becomes of some results; written in one transaction.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) firsts: Vec<First>,
    /// Results that take the place of others, which are kept aside under the batch that they name.
    pub(crate) instead: Vec<(First, i64, String)>,
    /// Results that are not kept.
    pub(crate) dropped: Vec<i64>,
    pub(crate) aside: Vec<Aside>,
    pub(crate) tallies: BTreeMap<i64, Tally>,
    pub(crate) costs: BTreeMap<(i64, Outcome, Currency), (i64, Price)>,
    /// What accounts were charged, by UTC day.
    pub(crate) charges: BTreeMap<(std::sync::Arc<str>, i64, Currency), Price>,
    /// The highest price of each level, region or group, and currency.
    pub(crate) prices: BTreeMap<(i64, String, Currency), Price>,
    pub(crate) drift: BTreeMap<(i64, Drift), u64>,
}

/// What a fold adds to a batch.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) job: i64,
    pub(crate) done: i64,
    pub(crate) failed: i64,
    pub(crate) refused: i64,
    pub(crate) unpriced: i64,
    /// Phone numbers that are the batch's own again.
    pub(crate) numbers: i64,
    pub(crate) aside: i64,
    pub(crate) charged_again: i64,
    /// Under which `batchNo` the platform has shown to know the batch, and when.
    pub(crate) proof: Option<(String, i64)>,
}

impl Changes {
    /// Judges results in their order.
    pub(crate) fn judge(&mut self, arrived: Vec<Arrived>, known: &mut Known, folded: &mut Folded) {
        for result in arrived {
            folded.seen += 1;
            self.judge_one(result, known, folded);
        }
    }

    fn judge_one(&mut self, mut result: Arrived, known: &mut Known, folded: &mut Folded) {
        // A person has had it forgotten: nothing of it is kept, however late it comes.
        if result.batch.as_ref().is_some_and(|batch| batch.is_forgotten) {
            return self.dropped.push(result.id);
        }
        let place = result.batch.as_ref().zip(result.facts.as_ref());
        let place = place.and_then(|(batch, facts)| known.place(batch, facts));
        let (Some(batch), Some(place)) = (result.batch.clone(), place) else {
            return self.set_aside(result, None);
        };
        let Some(facts) = result.facts.take() else { return self.set_aside(result, None) };
        let slot = known.slots.get(&place);
        let has_moved = slot.is_some_and(|slot| slot.has_moved);
        let own =
            slot.and_then(|slot| slot.has.as_ref()).filter(|_| slot.is_some_and(|slot| slot.via.is_none()));
        let outcome = facts.outcome;
        let as_first = |result: &Arrived, detached| First {
            id: result.id,
            place,
            received_ms: result.received_ms,
            outcome,
            detached,
        };
        match own {
            Some(has) if reading::replaces(result.source, has.source) => {
                folded.conflicts += 1;
                let (first, batch_no) = (as_first(&result, None), result.batch_no.clone());
                self.instead.push((first, has.id, batch_no));
                if has_moved {
                    self.enter_beside(&batch, &result, facts);
                } else {
                    self.enter(&batch, &result, facts);
                    self.tally(&batch).refused -= 1;
                }
            }
            Some(has)
                if has.batch_no == result.batch_no
                    && reading::same((has.source, &has.body), (result.source, &result.body)) =>
            {
                folded.repeats += 1;
                self.dropped.push(result.id);
                return;
            }
            Some(_) => {
                result.facts = Some(facts);
                let is_second_charge = own.is_some_and(|has| has.batch_no != result.batch_no)
                    && result.facts.as_ref().is_some_and(Facts::is_charge);
                return self.keep_aside(result, Some(place.1), is_second_charge);
            }
            None if has_moved => {
                let count = if facts.is_charge() { &mut folded.charged_again } else { &mut folded.first };
                *count += 1;
                self.firsts.push(as_first(&result, None));
                self.enter_beside(&batch, &result, facts);
            }
            None => {
                folded.first += 1;
                let detached =
                    slot.and_then(|slot| Some((slot.via?, slot.has.as_ref().map(|has| has.outcome))));
                self.tally(&batch).numbers += i64::from(detached.is_some());
                self.firsts.push(as_first(&result, detached));
                self.enter(&batch, &result, facts);
            }
        }
        let Arrived { id, source, batch_no, body, .. } = result;
        let has = Some(Has { id, source, outcome, batch_no, body });
        known.slots.insert(place, Slot { via: None, has_moved, has });
    }

    fn set_aside(&mut self, result: Arrived, packed: Option<i64>) {
        self.keep_aside(result, packed, false);
    }

    fn keep_aside(&mut self, result: Arrived, packed: Option<i64>, is_second_charge: bool) {
        let hash = reading::hash(result.source, &result.body, packed.is_some());
        self.aside.push(Aside { result, packed, is_second_charge, hash });
    }

    /// What is kept aside is kept once, however often it comes, and a sending is charged once, pushed and fetched: `kept` knows what was
    /// kept before.
    pub(crate) fn compare_aside(&mut self, kept: &mut dyn FnMut(&Aside) -> Kept, folded: &mut Folded) {
        let (mut new, mut charged) = (BTreeSet::new(), BTreeSet::new());
        for mut aside in std::mem::take(&mut self.aside) {
            let before = kept(&aside);
            let sending = (aside.result.batch_no.clone(), aside.packed);
            if before.same || !new.insert((sending.clone(), aside.hash)) {
                folded.repeats += 1;
                self.dropped.push(aside.result.id);
                continue;
            }
            aside.is_second_charge &= !before.charge && !charged.contains(&sending);
            if aside.is_second_charge {
                charged.insert(sending);
                aside.hash = aside.charge_hash();
            }
            match aside.packed {
                Some(_) if aside.is_second_charge => folded.charged_again += 1,
                Some(_) => folded.conflicts += 1,
                None => folded.strays += 1,
            }
            if let Some(batch) = &aside.result.batch {
                self.count_aside(batch, &aside, folded);
            }
            self.aside.push(aside);
        }
    }

    fn count_aside(&mut self, batch: &Batch, aside: &Aside, folded: &mut Folded) {
        let facts = aside.result.facts.clone();
        let facts = facts.or_else(|| reading::read(aside.result.source, &aside.result.body));
        if let Some(facts) = facts {
            if aside.is_second_charge {
                self.charge(batch, aside.result.received_ms, &facts);
                self.tally(batch).charged_again += 1;
            }
            self.count_drift(batch, facts.drift);
        }
        if !aside.is_second_charge {
            let tally = self.tally(batch);
            tally.aside += 1;
            if batch.aside + tally.aside >= max_aside(batch.numbers)
                && !folded.full.contains(&aside.result.batch_no)
            {
                folded.full.push(aside.result.batch_no.clone());
            }
        }
    }

    fn tally(&mut self, batch: &Batch) -> &mut Tally {
        let tally = self.tallies.entry(batch.id).or_default();
        tally.job = batch.job;
        tally
    }

    /// Counts what a result of a phone number that has moved into another batch has cost.
    fn enter_beside(&mut self, batch: &Batch, result: &Arrived, facts: Facts) {
        self.prove(batch, result);
        if facts.is_charge() {
            self.tally(batch).charged_again += 1;
            self.charge(batch, result.received_ms, &facts);
        }
        self.count_drift(batch, facts.drift);
    }

    fn prove(&mut self, batch: &Batch, result: &Arrived) {
        let tally = self.tally(batch);
        if tally.proof.is_none() {
            tally.proof = Some((result.batch_no.clone(), result.received_ms));
        }
    }

    /// Counts a result that is its phone number's from now on.
    fn enter(&mut self, batch: &Batch, result: &Arrived, facts: Facts) {
        self.prove(batch, result);
        let tally = self.tally(batch);
        match facts.outcome {
            Outcome::Done => tally.done += 1,
            Outcome::Failed | Outcome::Passing => tally.failed += 1,
            Outcome::Refused => tally.refused += 1,
        }
        self.charge(batch, result.received_ms, &facts);
        self.count_drift(batch, facts.drift);
    }

    fn charge(&mut self, batch: &Batch, received_ms: i64, facts: &Facts) {
        let Some((currency, price)) = facts.cost else {
            // A failed check carries no cost in the first dialect.
            self.tally(batch).unpriced += i64::from(facts.outcome == Outcome::Done);
            return;
        };
        let outcome = if facts.outcome.is_failed() { Outcome::Failed } else { facts.outcome };
        let sum = self.costs.entry((batch.job, outcome, currency)).or_default();
        match sum.1.checked_add(price) {
            Some(total) => *sum = (sum.0 + 1, total),
            None => self.tally(batch).unpriced += 1,
        }
        let key = (std::sync::Arc::clone(&batch.account), day_of(received_ms), currency);
        let day = self.charges.entry(key).or_default();
        *day = day.checked_add(price).unwrap_or(*day);
        // An index takes no text of any length, and a region has two letters.
        let region = facts.region.as_deref().filter(|region| region.len() <= 64);
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

    fn learn_price(&mut self, level: i64, region: &str, currency: Currency, price: Price) {
        let highest = self.prices.entry((level, region.replace('\0', "\u{fffd}"), currency)).or_insert(price);
        *highest = (*highest).max(price);
    }

    fn count_drift(&mut self, batch: &Batch, drift: Vec<Drift>) {
        for one in drift {
            *self.drift.entry((batch.job, one)).or_default() += 1;
        }
    }
}
