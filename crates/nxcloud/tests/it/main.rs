//! The NXCLOUD client as its users meet it, against the sandbox over TCP and against a platform in memory. One binary, because each
//! one more costs a link.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail where it stands"
)]

mod absence;
mod building;
mod check_code;
mod clock;
mod common;
mod confirm;
mod consumer;
mod dialects;
mod in_doubt;
mod leaks;
mod pace;
mod query;
mod register;
mod replies;
mod submit;
#[cfg(feature = "tls")]
mod tls;
