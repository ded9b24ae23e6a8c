//! The QXT client as its users meet it, against the sandbox over TCP and against a platform in memory. One binary, because each one
//! more costs a link.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail where it stands"
)]

mod building;
mod check;
mod common;
mod in_doubt;
mod leaks;
mod many;
mod replies;
#[cfg(feature = "tls")]
mod tls;
