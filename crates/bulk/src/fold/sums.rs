//! Sums of money, and the days by which they are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use numcheck_protocol::{Currency, Price};

use crate::ledger::Sum;
use crate::model::Outcome;

const DAY_MS: u64 = 86_400_000;

/// The UTC day of a Unix time in milliseconds, by which charges are summed.
pub fn day_of(ms: u64) -> i64 {
    i64::try_from(ms / DAY_MS).unwrap_or(i64::MAX)
}

/// From when the batches are claimed of which [`unpriced`](crate::store::Spending::unpriced) results count for a day: from the day before.
pub fn unpriced_since_ms(since_ms: u64) -> u64 {
    (since_ms / DAY_MS).saturating_sub(1) * DAY_MS
}

/// Sums of money, by what they are kept for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sums {
    /// What a job's results cost, by outcome ([`Done`](Outcome::Done) or [`Failed`](Outcome::Failed)) and currency.
    pub costs: BTreeMap<(i64, Outcome, Currency), Sum>,
    /// What accounts were charged, by UTC day and currency.
    pub charges: BTreeMap<(Arc<str>, i64, Currency), Price>,
    /// The highest price of each level, region or group, and currency.
    pub prices: BTreeMap<(i64, String, Currency), Price>,
}

impl Sums {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.costs.is_empty() && self.charges.is_empty() && self.prices.is_empty()
    }

    /// What a store that holds `before` of these holds once they are added, as far as it is something else. A sum that would go beyond the
    /// range of a price stays where it is: the results keep their prices.
    #[must_use]
    pub fn added_to(mut self, before: &Self) -> Self {
        for (key, sum) in &mut self.costs {
            *sum = before.costs.get(key).copied().unwrap_or_default().plus(*sum);
        }
        for (key, amount) in &mut self.charges {
            let before = before.charges.get(key).copied().unwrap_or_default();
            *amount = before.checked_add(*amount).unwrap_or(before);
        }
        self.prices.retain(|key, price| before.prices.get(key).is_none_or(|before| before < price));
        self
    }
}
