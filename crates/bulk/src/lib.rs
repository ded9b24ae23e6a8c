//! A durable job: many numbers, planned into batches, submitted once, settled by pushed or fetched results, exported at any time.
//!
//! It must not know HTTP, signatures or accounts: what submits and what queries is handed in ([`Platform`]). It reads no clock of its own:
//! [`Clock`] is handed in too. It decides one thing that costs money, and only one: whether a batch may be sent, and the answer is
//! "once, unless the platform has proved that it does not know it".
//!
//! # What is promised
//!
//! - A batch's number and content are durable before its request leaves.
//! - A batch whose answer was lost is *in doubt*; it is settled by a result, or by asking the platform, and sent again only when
//!   the platform proves that it does not know it, at a time when it can no longer accept the first request.
//! - A pushed result is durable before [`Inbox::store`] returns; repeats change nothing; what belongs to nothing is kept aside.
//! - At all times `submitted = settled + failed + in doubt + missing + pending` ([`Ledger`]).
//!
//! What is not promised: that the platform charges once for what it accepted once, or that it pushes what it accepted.

mod clock;
mod drive;
pub mod failpoint;
mod inbox;
mod ledger;
mod model;
mod pace;
mod plan;
mod platform;
#[cfg(feature = "postgres")]
mod postgres;
mod pricing;
mod reconcile;
#[cfg(feature = "sqlite")]
mod sqlite;
pub mod store;

pub use clock::{Clock, SystemClock};
pub use drive::{Drive, Driven, Halt};
pub use inbox::{Beside, Folding, Inbox};
pub use ledger::{Ledger, Sum};
pub use model::{BatchEnd, BatchState, Delivery, Job, JobName, JobSpec, JobState, NotAJobName, Outcome};
pub use pace::Pace;
pub use plan::{Added, Grouping, Plan, Planner, TooMany};
pub use platform::{Found, Platform, Row, SIGN_WITHIN, Submitted};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use pricing::{Budget, Cutoff, Estimate, NotACutoff, PriceKey, PriceTable, parse_amount};
pub use reconcile::{Reconcile, Reconciled, Times};
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, Upgrade};
pub use store::{Store, StoreError};
