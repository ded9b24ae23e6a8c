//! The account of a job: how many phone numbers are where, and what they cost.
//!
//! Its equation is checked whenever it is read, in release builds too: nobody acts on a ledger that does not add up.

use std::collections::BTreeMap;

use numcheck_protocol::{Currency, Price};

use crate::model::{BatchState, Outcome};

/// How many phone numbers of a job are where, and what they cost.
///
/// `submitted = settled + failed + in_doubt + missing + pending` at all times. What other jobs have sent is not in it: those phone numbers
/// are `reused` or `waiting`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Phone numbers that were never sent, or surely did not leave.
    pub planned: u64,
    /// Phone numbers that the platform refused, or whose batch it refused.
    pub refused: u64,
    /// Phone numbers whose request left, or may have left. All of a claim count: of a service that is asked one by one, up to 500 that have
    /// not been sent are among them while a run has them, or has died with them.
    pub submitted: u64,
    /// Of these: with a result.
    pub settled: u64,
    /// Of these: the platform tried and could not check them.
    pub failed: u64,
    /// Of these: nobody knows whether their batch was accepted.
    pub in_doubt: u64,
    /// Of these: accepted, and no result came in the time that the platform takes.
    pub missing: u64,
    /// Of these: claimed or accepted, and the result may still come.
    pub pending: u64,
    /// Phone numbers that took a result of the book. They cost this job nothing.
    pub reused: Reused,
    /// Phone numbers that wait for another job's sending, which may still end well.
    pub waiting: u64,
    /// Phone numbers that wait for another job's sending that is in doubt or missing.
    pub waiting_in_doubt: u64,
    /// What results cost, by outcome and currency.
    pub costs: BTreeMap<(Outcome, Currency), Sum>,
    /// Results that were paid or may have been, without a price that can be read.
    pub unpriced: u64,
    /// Results of another sending of a phone number than the one that counts: they were charged, too, and are in the costs.
    pub charged_again: u64,
    /// Sendings that a person had repeated and that may have been accepted and charged, of which nothing has come so far. They are part of
    /// nothing else here.
    pub may_be_charged: u64,
}

/// Phone numbers that took a result of the book, by how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reused {
    /// Checked.
    pub done: u64,
    /// The platform had tried and could not.
    pub failed: u64,
    /// The platform had refused them individually.
    pub refused: u64,
}

impl Reused {
    /// By how they ended.
    pub fn new(done: u64, failed: u64, refused: u64) -> Self {
        Self { done, failed, refused }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.done + self.failed + self.refused
    }
}

/// The sums of a job's batches of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchSums {
    /// How far the batches are.
    pub state: BatchState,
    /// Whether their rest was given up.
    pub missing: bool,
    /// Phone numbers.
    pub numbers: u64,
    /// Of these: checked.
    pub done: u64,
    /// Of these: could not be checked.
    pub failed: u64,
    /// Of these: refused individually.
    pub refused: u64,
    /// Results without a price that can be believed.
    pub unpriced: u64,
    /// Results of another sending of a phone number.
    pub charged_again: u64,
    /// Sendings that a person had repeated, less the results of another sending: batch by batch, and never below 0.
    pub may_be_charged: u64,
}

impl BatchSums {
    /// Batches of a state with no phone number: all else can be set.
    pub fn new(state: BatchState, missing: bool) -> Self {
        Self {
            state,
            missing,
            numbers: 0,
            done: 0,
            failed: 0,
            refused: 0,
            unpriced: 0,
            charged_again: 0,
            may_be_charged: 0,
        }
    }
}

/// Some results and their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many results.
    pub count: u64,
    /// What they cost together.
    pub amount: Price,
}

impl Sum {
    /// Both together. Where the amount would go beyond the range of a price it stays where it is: the results keep their prices.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let amount = self.amount.checked_add(other.amount).unwrap_or(self.amount);
        Self { count: self.count + other.count, amount }
    }
}

impl Ledger {
    /// Adds batches of one state.
    pub fn add(&mut self, of: BatchSums) {
        let rest = of.numbers.saturating_sub(of.done + of.failed + of.refused);
        // Settled phone numbers of a batch that is planned again were submitted before.
        let (is_submitted, place) = match of.state {
            BatchState::Planned => (false, &mut self.planned),
            BatchState::Refused => (false, &mut self.refused),
            BatchState::InDoubt => (true, &mut self.in_doubt),
            BatchState::Accepted if of.missing => (true, &mut self.missing),
            BatchState::Accepted | BatchState::Sending => (true, &mut self.pending),
        };
        *place += rest;
        self.submitted += of.done + of.failed + if is_submitted { rest } else { 0 };
        self.refused += of.refused;
        self.settled += of.done;
        self.failed += of.failed;
        self.unpriced += of.unpriced;
        self.charged_again += of.charged_again;
        self.may_be_charged += of.may_be_charged;
    }

    /// Adds phone numbers that wait for another job's batch. What that batch will never send is planned soon. `is_given_up`: the rest of the
    /// batch was given up, or its job was forgotten.
    pub fn add_waiting(&mut self, state: BatchState, is_given_up: bool, count: u64) {
        match state {
            BatchState::Planned | BatchState::Refused => self.planned += count,
            BatchState::InDoubt => self.waiting_in_doubt += count,
            BatchState::Accepted | BatchState::Sending if is_given_up => self.waiting_in_doubt += count,
            BatchState::Accepted | BatchState::Sending => self.waiting += count,
        }
    }

    /// Phone numbers of the job itself that are under way or in doubt.
    pub fn unsettled(&self) -> u64 {
        self.pending + self.in_doubt + self.missing
    }

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
        self.planned == 0
            && self.pending == 0
            && self.in_doubt == 0
            && self.waiting == 0
            && self.waiting_in_doubt == 0
    }
}
