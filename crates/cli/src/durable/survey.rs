//! What the book knows of the phone numbers that a job would check.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use numcheck_bulk::book::MAX_CLOCK_SKEW_MS;
use numcheck_bulk::{BookState, Estimate, Plan, PriceTable, Scope, Store};
use numcheck_protocol::PhoneNumber;

use crate::exit::Failure;

/// How many phone numbers are looked up at a time.
const AT_ONCE: usize = 20_000;

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
    /// With a result of another level only.
    pub(crate) other_level: u64,
    /// Of which the book knows nothing, by group.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// Fresh or old ones, by group.
    reusable: BTreeMap<String, (u64, u64)>,
    /// In doubt for long, by group.
    doubtful: BTreeMap<String, (u64, u64)>,
    /// Fresh or old ones that failed for a reason that passes, by group.
    passing_by_group: BTreeMap<String, (u64, u64)>,
    /// The packed phone numbers that the book knows.
    known: HashMap<u64, Kind>,
}

/// What the book knows of one phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Result { is_fresh: bool, passes: bool },
    Doubt { is_old: bool },
    UnderWay,
}

/// What is counted as fresh, at which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) now_ms: u64,
    pub(crate) max_age: Duration,
    /// How long a result counts as fresh where nobody says otherwise.
    pub(crate) usual_age: Duration,
}

impl Freshness {
    /// What came before is old.
    pub(crate) fn since_ms(self) -> u64 {
        self.before_ms(self.max_age)
    }

    /// What is in doubt from before is old. Never younger than a result would be fresh: what is in doubt for a moment only settles by itself.
    pub(crate) fn doubts_since_ms(self) -> u64 {
        self.since_ms().min(self.before_ms(self.usual_age))
    }

    fn before_ms(self, age: Duration) -> u64 {
        self.now_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
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
        let kind = match known.state {
            BookState::Settled(outcome) => {
                let passes = outcome == numcheck_bulk::Outcome::Passing;
                let is_fresh = self.count_result(group, known.at_ms, passes, freshness);
                Kind::Result { is_fresh, passes }
            }
            BookState::InDoubt => {
                let is_old = known.at_ms < freshness.doubts_since_ms();
                let of_job = self.in_doubt.entry(known.job).or_default();
                of_job.aged.add(known.at_ms);
                *of_job.groups.entry(group.to_owned()).or_default() += 1;
                let doubtful = self.doubtful.entry(group.to_owned()).or_default();
                doubtful.0 += 1;
                doubtful.1 += u64::from(is_old);
                Kind::Doubt { is_old }
            }
            _ => {
                self.under_way += 1;
                Kind::UnderWay
            }
        };
        self.known.insert(number.pack(), kind);
    }

    /// Counts a result, and says whether it is fresh.
    fn count_result(&mut self, group: &str, at_ms: u64, passes: bool, freshness: Freshness) -> bool {
        let from_the_future = at_ms > freshness.now_ms.saturating_add(MAX_CLOCK_SKEW_MS);
        let is_fresh = !from_the_future && at_ms >= freshness.since_ms();
        if from_the_future {
            self.from_the_future += 1;
        } else if is_fresh {
            self.fresh.add(at_ms);
        } else {
            self.old.add(at_ms);
        }
        let count = |groups: &mut BTreeMap<String, (u64, u64)>| {
            let (fresh, stale) = groups.entry(group.to_owned()).or_default();
            *(if is_fresh { fresh } else { stale }) += 1;
        };
        count(&mut self.reusable);
        if passes {
            self.passing += 1;
            count(&mut self.passing_by_group);
        }
        is_fresh
    }

    /// Whether the book knows so much of a phone number that it is not sent.
    pub(crate) fn leaves_out(&self, number: &PhoneNumber, what: WhatToSend) -> bool {
        self.known.get(&number.pack()).is_some_and(|kind| match *kind {
            Kind::Result { is_fresh, passes } => {
                let is_sent = if is_fresh { what.fresh } else { what.stale };
                !(is_sent || passes && what.passing)
            }
            Kind::Doubt { is_old } => !(what.doubts || is_old && what.old_doubts),
            Kind::UnderWay => true,
        })
    }

    /// With a result that is not fresh.
    pub(crate) fn stale(&self) -> u64 {
        self.old.count + self.from_the_future
    }

    /// In doubt or missing.
    pub(crate) fn doubts(&self) -> u64 {
        self.in_doubt.values().map(|doubt| doubt.aged.count).sum()
    }

    /// Those in doubt that would not be sent.
    pub(crate) fn doubts_left(&self, what: WhatToSend) -> u64 {
        self.doubts().saturating_sub(self.doubts_to_send(what).values().sum())
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
        for (group, (fresh, stale)) in &self.passing_by_group {
            add(group, if what.passing && !what.fresh { *fresh } else { 0 });
            add(group, if what.passing && !what.stale { *stale } else { 0 });
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
