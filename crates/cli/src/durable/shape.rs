//! How a job's phone numbers are grouped into batches.

use numcheck_bulk::{Grouping, Plan, Planner, Store};
use numcheck_protocol::number_check::{Dialect, Submit};
use numcheck_protocol::{Endpoint, PhoneList};

use crate::batching::{BatchingArgs, Countries};
use crate::exit::Failure;
use crate::regions::Group;

/// The most numbers that travel at the platform's faster pace.
pub(super) const USUAL_SIZE: u16 = 2000;

/// How many numbers a claim of a service holds that is asked number by number.
const CLAIMED_TOGETHER: u16 = 500;

/// How numbers are put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    grouping: Grouping,
    batch_size: Option<u16>,
}

impl Shape {
    /// As asked for; where that leaves it open, as the account has shown to take it.
    ///
    /// Under a cap, countries travel apart: of a batch of several nobody knows how many are of which, and so not what it costs.
    pub(crate) async fn of(
        together: &BatchingArgs,
        has_cap: bool,
        store: &dyn Store,
        account: &str,
    ) -> Result<Self, Failure> {
        let mut shape = Self::for_unknown(together);
        if !has_cap
            && together.countries == Countries::Auto
            && dialect_of(store, account).await? == Some(Dialect::V2)
        {
            shape.grouping = Grouping::Together;
        }
        Ok(shape)
    }

    /// Of a service that is asked number by number: as many as are claimed together.
    pub(crate) fn one_by_one() -> Self {
        Self { grouping: Grouping::Together, batch_size: Some(CLAIMED_TOGETHER) }
    }

    /// For an account of which nothing is known.
    pub(crate) fn for_unknown(together: &BatchingArgs) -> Self {
        let grouping = match together.countries {
            Countries::Many => Grouping::Together,
            Countries::One | Countries::Auto => Grouping::Apart,
        };
        Self { grouping, batch_size: together.batch_size }
    }

    /// The plan of these numbers.
    pub(super) fn plan(self, planner: Planner<Group>) -> Plan {
        let plan = planner.finish(self.grouping, self.batch_size.unwrap_or(USUAL_SIZE).into());
        match self.batch_size {
            Some(_) => plan,
            None => plan.in_fastest(&[USUAL_SIZE.into(), PhoneList::MAX_LEN], Submit::INFO.rates),
        }
    }
}

/// The dialect in which an account has last answered a submit, as this store remembers it.
async fn dialect_of(store: &dyn Store, account: &str) -> Result<Option<Dialect>, Failure> {
    let learnt = store.learnt(&name(account)).await.map_err(Failure::of)?;
    Ok([Dialect::V1, Dialect::V2].into_iter().find(|dialect| learnt.as_deref() == Some(dialect.as_str())))
}

/// Remembers it.
pub(crate) async fn learn_dialect(store: &dyn Store, account: &str, dialect: Dialect) -> Result<(), Failure> {
    store.learn(&name(account), dialect.as_str()).await.map_err(Failure::of)
}

fn name(account: &str) -> String {
    format!("dialect of {account}")
}
