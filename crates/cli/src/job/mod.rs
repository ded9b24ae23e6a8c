//! A job: many numbers, submitted in batches, each settled by a pushed result.
//!
//! It holds the job in memory; only what the platform pushes is on disk. It must not know HTTP: what submits is handed in as a
//! [`Submitter`], so that a durable store can take this module's place without the commands noticing.

mod book;
mod drive;
mod journal;
mod numbers;
mod plan;

pub(crate) use book::{Book, Fate, Seen};
pub(crate) use drive::{Outcome, Submitter, submit_all, wait_for_results};
pub(crate) use journal::Journal;
pub(crate) use numbers::Numbers;
pub(crate) use plan::{Batch, Plan};
