//! What a stored result says, as far as the engine must know it.

use numcheck_protocol::{Currency, Drift, PhoneNumber, Price};

use crate::model::Outcome;
use crate::pricing::MAX_PRICE;

/// What a result says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Its phone number, if it names one. A result that names none belongs to the only phone number of its batch.
    pub number: Option<PhoneNumber>,
    /// How the check ended.
    pub outcome: Outcome,
    /// What it cost. A price that nobody can believe, negative or beyond 100 000, is none.
    pub cost: Option<(Currency, Price)>,
    /// The region that it names, for learning prices.
    pub region: Option<String>,
    /// Undocumented fields and values in it.
    pub drift: Vec<Drift>,
}

impl Facts {
    /// A check that ended so, and nothing else. All else can be set.
    pub fn new(outcome: Outcome) -> Self {
        Self { number: None, outcome, cost: None, region: None, drift: Vec::new() }
    }

    /// Whether it was paid for, as far as it says.
    pub(crate) fn is_charge(&self) -> bool {
        self.outcome == Outcome::Done || self.cost.is_some_and(|(_, price)| price > Price::ZERO)
    }
}

/// Whether a price is in the sums: not negative, and not beyond what anybody pays for a check.
pub fn is_believed(price: Price) -> bool {
    (Price::ZERO..=MAX_PRICE).contains(&price)
}
