//! Jobs and their stores as their users meet them. One binary, because each one more costs a link.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail where it stands"
)]

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod broken_chain;
mod exhaustive;
mod grouping;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod model;
#[cfg(feature = "sqlite")]
mod one_by_one;
mod planning;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod two_days;
