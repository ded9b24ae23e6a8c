//! What the book knows of the phone numbers that a job would check.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use numcheck_bulk::{BookState, Estimate, Plan, PriceTable, Scope, Store};
use numcheck_protocol::PhoneNumber;

use crate::exit::Failure;

/// How many phone numbers are looked up at a time.
const AT_ONCE: usize = 20_000;
/// A result may seem to come from so far in the future before its age counts as unknown.
const MAX_CLOCK_SKEW_MS: u64 = 5 * 60_000;

/// Phone numbers of one kind, and the oldest and newest of their times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aged {
    pub(crate) count: u64,
    pub(crate) oldest_ms: u64,
    pub(crate) newest_ms: u64,
}

impl Aged {
    fn add(&mut self, at_ms: u64) {
        self.oldest_ms = if self.count == 0 { at_ms } else { self.oldest_ms.min(at_ms) };
        self.newest_ms = self.newest_ms.max(at_ms);
        self.count += 1;
    }
}

/// What is in doubt from one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doubtful {
    pub(crate) aged: Aged,
    /// By group.
    pub(crate) groups: BTreeMap<String, u64>,
}

/// What the book knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// With a result that is fresh.
    pub(crate) fresh: Aged,
    /// With a result that is older.
    pub(crate) old: Aged,
    /// With a result that seems to come from the future: of unknown age.
    pub(crate) from_the_future: u64,
    /// Of the fresh and old ones: failed for a reason that passes with time.
    pub(crate) passing: u64,
    /// Sent by another job, and the result may still come.
    pub(crate) under_way: u64,
    /// In doubt or missing, by the job that has sent them.
    pub(crate) in_doubt: BTreeMap<i64, Doubtful>,
    /// Of these: sent so long ago that a result would be too old by now.
    pub(crate) old_doubts: u64,
    /// With a result of another level only.
    pub(crate) other_level: u64,
    /// Of which the book knows nothing, by group.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// Fresh or old ones, by group.
    reusable: BTreeMap<String, (u64, u64)>,
    /// In doubt for long, by group.
    doubtful: BTreeMap<String, (u64, u64)>,
    passing_by_group: BTreeMap<String, u64>,
    /// The packed phone numbers that the book knows.
    known: HashSet<u64>,
}

/// What is counted as fresh, at which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) now_ms: u64,
    pub(crate) max_age: Duration,
}

impl Freshness {
    /// What came before is old.
    pub(crate) fn since_ms(self) -> u64 {
        self.now_ms.saturating_sub(u64::try_from(self.max_age.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Survey {
    /// Looks up every phone number of a plan. Reads only.
    pub(crate) async fn of(
        store: &dyn Store,
        scope: &Scope,
        plan: &Plan,
        freshness: Freshness,
    ) -> Result<Self, Failure> {
        let mut survey = Self::default();
        let scopes = store.scopes().await.map_err(Failure::of)?;
        let others: Vec<&Scope> = scopes
            .iter()
            .filter(|other| {
                other.account == scope.account && other.service == scope.service && *other != scope
            })
            .collect();
        if !scopes.contains(scope) && others.is_empty() {
            // An empty book: nothing to look up.
            return Ok(Self::unknown(plan));
        }
        let mut entries = plan.entries().peekable();
        while entries.peek().is_some() {
            let some: Vec<(PhoneNumber, u64, &str)> = entries.by_ref().take(AT_ONCE).collect();
            let numbers: Vec<PhoneNumber> = some.iter().map(|(number, _, _)| *number).collect();
            let known = store.look_up(scope, numbers.clone()).await.map_err(Failure::of)?;
            let mut elsewhere = vec![false; numbers.len()];
            for other in &others {
                let of_other = store.look_up(other, numbers.clone()).await.map_err(Failure::of)?;
                for (has, known) in elsewhere.iter_mut().zip(of_other) {
                    *has |= known.is_some_and(|known| matches!(known.state, BookState::Settled(_)));
                }
            }
            for (((number, _, group), known), elsewhere) in some.iter().zip(known).zip(elsewhere) {
                survey.count(number, group, known, elsewhere, freshness);
            }
        }
        Ok(survey)
    }

    /// What a store knows that knows nothing.
    pub(crate) fn unknown(plan: &Plan) -> Self {
        let unknown = plan.groups().map(|(group, numbers)| (group.to_owned(), numbers)).collect();
        Self { unknown, ..Self::default() }
    }

    fn count(
        &mut self,
        number: &PhoneNumber,
        group: &str,
        known: Option<numcheck_bulk::store::Known>,
        elsewhere: bool,
        freshness: Freshness,
    ) {
        let Some(known) = known else {
            self.other_level += u64::from(elsewhere);
            *self.unknown.entry(group.to_owned()).or_default() += 1;
            return;
        };
        self.known.insert(number.pack());
        let is_old = known.at_ms < freshness.since_ms();
        match known.state {
            BookState::Settled(outcome) => {
                let reusable = self.reusable.entry(group.to_owned()).or_default();
                let from_the_future = known.at_ms > freshness.now_ms.saturating_add(MAX_CLOCK_SKEW_MS);
                if from_the_future {
                    self.from_the_future += 1;
                    reusable.1 += 1;
                } else if is_old {
                    self.old.add(known.at_ms);
                    reusable.1 += 1;
                } else {
                    self.fresh.add(known.at_ms);
                    reusable.0 += 1;
                    if outcome == numcheck_bulk::Outcome::Passing {
                        *self.passing_by_group.entry(group.to_owned()).or_default() += 1;
                    }
                }
                self.passing += u64::from(outcome == numcheck_bulk::Outcome::Passing);
            }
            BookState::InDoubt => {
                let of_job = self.in_doubt.entry(known.job).or_default();
                of_job.aged.add(known.at_ms);
                *of_job.groups.entry(group.to_owned()).or_default() += 1;
                let doubtful = self.doubtful.entry(group.to_owned()).or_default();
                doubtful.0 += 1;
                doubtful.1 += u64::from(is_old);
                self.old_doubts += u64::from(is_old);
            }
            _ => self.under_way += 1,
        }
    }

    /// Whether the book knows something of a phone number.
    pub(crate) fn knows(&self, number: &PhoneNumber) -> bool {
        self.known.contains(&number.pack())
    }

    /// With a result that is not fresh.
    pub(crate) fn stale(&self) -> u64 {
        self.old.count + self.from_the_future
    }

    /// In doubt or missing.
    pub(crate) fn doubts(&self) -> u64 {
        self.in_doubt.values().map(|doubt| doubt.aged.count).sum()
    }

    /// How many would be sent, by group.
    pub(crate) fn to_send(&self, what: WhatToSend) -> BTreeMap<String, u64> {
        let mut groups = self.unknown.clone();
        let mut add = |group: &String, count: u64| {
            if count > 0 {
                *groups.entry(group.clone()).or_default() += count;
            }
        };
        for (group, (fresh, stale)) in &self.reusable {
            add(group, if what.fresh { *fresh } else { 0 });
            add(group, if what.stale { *stale } else { 0 });
        }
        if what.passing && !what.fresh {
            self.passing_by_group.iter().for_each(|(group, count)| add(group, *count));
        }
        self.doubts_to_send(what).iter().for_each(|(group, count)| add(group, *count));
        groups
    }

    /// How many of those in doubt would be sent, by group.
    pub(crate) fn doubts_to_send(&self, what: WhatToSend) -> BTreeMap<String, u64> {
        let of = |(all, old): &(u64, u64)| match what {
            WhatToSend { doubts: true, .. } => *all,
            WhatToSend { old_doubts: true, .. } => *old,
            _ => 0,
        };
        self.doubtful.iter().map(|(group, counts)| (group.clone(), of(counts))).collect()
    }
}

/// What is sent beside what the book does not know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WhatToSend {
    pub(crate) fresh: bool,
    pub(crate) stale: bool,
    pub(crate) passing: bool,
    pub(crate) doubts: bool,
    pub(crate) old_doubts: bool,
}

/// What phone numbers of groups will cost.
pub(crate) fn estimate(groups: &BTreeMap<String, u64>, prices: &PriceTable, level: i64) -> Estimate {
    let mut estimate = Estimate::default();
    for (group, count) in groups {
        estimate.add(prices, level, group, *count);
    }
    estimate
}
