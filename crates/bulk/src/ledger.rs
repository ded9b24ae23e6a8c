//! The account of a job: how many numbers are where, and what they cost.
//!
//! Its one equation is checked whenever it is read, in release builds too: a ledger that does not add up must not be believed.

use std::collections::BTreeMap;

use numcheck_protocol::{Currency, Price};

use crate::model::Outcome;

/// How many numbers of a job are where, and what they cost.
///
/// `submitted = settled + failed + in_doubt + missing + pending` at all times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Numbers that were never sent, or surely did not leave.
    pub planned: u64,
    /// Numbers whose batch the platform refused.
    pub refused: u64,
    /// Numbers whose request left, or may have left.
    pub submitted: u64,
    /// Of these: with a result.
    pub settled: u64,
    /// Of these: the platform tried and could not check them.
    pub failed: u64,
    /// Of these: nobody knows whether their batch was accepted.
    pub in_doubt: u64,
    /// Of these: accepted, and no result came in the time that the platform takes.
    pub missing: u64,
    /// Of these: accepted, and the result may still come.
    pub pending: u64,
    /// What results cost, by outcome and currency.
    pub costs: BTreeMap<(Outcome, Currency), Sum>,
    /// Results that were paid or may have been, without a price that can be read.
    pub unpriced: u64,
}

/// Some results and their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many results.
    pub count: u64,
    /// What they cost together.
    pub amount: Price,
}

impl Ledger {
    /// Whether the equation holds.
    pub fn adds_up(&self) -> bool {
        self.submitted == self.settled + self.failed + self.in_doubt + self.missing + self.pending
    }

    /// The ledger itself, once its equation was checked; every store ends its reading with this.
    ///
    /// # Panics
    /// When it does not add up. That is a fault of the store, and figures that are wrong must not be acted on.
    #[must_use]
    pub fn checked(self) -> Self {
        assert!(self.adds_up(), "the ledger does not add up: {self:?}");
        self
    }

    /// What everything cost, by currency; `None` beyond the range of a price.
    pub fn total(&self) -> Option<BTreeMap<Currency, Price>> {
        let mut total = BTreeMap::<Currency, Price>::new();
        for ((_, currency), sum) in &self.costs {
            let own = total.entry(*currency).or_default();
            *own = own.checked_add(sum.amount)?;
        }
        Some(total)
    }

    /// Whether nothing more can happen by itself.
    pub fn is_final(&self) -> bool {
        self.planned == 0 && self.pending == 0 && self.in_doubt == 0
    }
}
