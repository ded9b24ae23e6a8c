//! A durable job: many phone numbers, planned into batches, submitted once, settled by pushed or fetched results, exported at any time.
//!
//! What submits and what queries is handed in ([`Platform`]), and so is the time ([`WallClock`]).
//!
//! # What is promised
//!
//! - What is paid for is a phone number, at a level, by an account. The store keeps a book of these: a phone number that is under way, in doubt
//!   or settled and fresh enough is not submitted, whatever job asks for it. The promise is per store.
//! - A claim and its content are durable before a request leaves, and confirmed durably before each attempt is signed.
//! - A batch whose answer was lost is *in doubt*; it is settled by a result, or by asking the platform, and sent again only when
//!   the platform is [proved](proof) not to know it, or a person says so.
//! - A pushed result is durable before [`Inbox::store`] returns; repeats change nothing; what belongs to nothing is quarantined.
//! - At all times `submitted = settled + failed + in doubt + missing + pending` ([`Ledger`]).
//!
//! What is not promised: that the platform charges once for what it accepted once, or that it pushes what it accepted.

#[cfg(feature = "test-util")]
extern crate self as numcheck_bulk;

pub mod batch;
pub mod book;
mod clock;
#[cfg(feature = "test-util")]
pub mod conformance;
mod drive;
pub mod failpoint;
pub mod fold;
mod inbox;
mod ledger;
mod model;
mod pace;
mod plan;
mod platform;
#[cfg(feature = "postgres")]
mod postgres;
mod pricing;
pub mod proof;
mod reconcile;
#[cfg(feature = "sqlite")]
mod sqlite;
pub mod store;

pub use clock::{SystemWallClock, WallClock};
pub use drive::{Drive, Driven, Halt, SpendingLimits};
pub use inbox::{Folding, Inbox, Unmatched};
pub use ledger::{BatchSums, Ledger, Reused, Sum};
pub use model::{
    BatchEnd, BatchState, BookState, Delivery, EndedBatch, Job, JobName, JobSpec, JobState, NotAJobName,
    Outcome, Reuse, Scope,
};
pub use pace::{Pace, SharedTurn};
pub use plan::{Added, Grouping, Plan, Planner, TooMany};
pub use platform::{ConfirmClaim, Found, Platform, Row, Submission, Submitted};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use pricing::{
    Allowance, Amounts, Budget, Cutoff, Estimate, NotACutoff, PriceKey, PriceTable, parse_amount,
};
pub use proof::ProofRules;
pub use reconcile::{LeasesOnly, Owners, Reconcile, Reconciled, Times};
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, Upgrade};
pub use store::{Store, StoreError};
