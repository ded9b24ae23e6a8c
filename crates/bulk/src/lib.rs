#![doc = include_str!("../README.md")]

#[cfg(feature = "test-util")]
extern crate self as numcheck_bulk;

pub mod batch;
pub mod book;
mod cancel;
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
mod planning;
#[cfg(feature = "postgres")]
mod postgres;
mod pricing;
pub mod proof;
mod reconcile;
mod service;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
pub mod store;

pub use cancel::Cancel;
pub use clock::{SystemWallClock, WallClock};
pub use drive::{Drive, Driven, Halt, SpendingLimits};
pub use inbox::{Folding, Inbox, Unmatched};
pub use ledger::{BatchSums, Ledger, Reused, Sum};
pub use model::{
    BatchEnd, BatchState, BookState, Delivery, EndedBatch, Job, JobName, JobSpec, JobState, NotAJobName,
    Outcome, Reuse, Scope,
};
pub use pace::{SharedPace, SharedTurn};
pub use plan::{Added, Grouping, Plan, Planner, TooMany};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use pricing::{
    Allowance, Amounts, Budget, Cutoff, Estimate, NotACutoff, PriceKey, PriceTable, parse_amount,
};
pub use proof::ProofRules;
pub use reconcile::{LeasesOnly, Owners, Reconcile, Reconciled, Times};
pub use service::{CheckService, ConfirmClaim, Found, Row, ServiceInfo, Submission, Submitted};
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, Upgrade};
pub use store::{Store, StoreError};
