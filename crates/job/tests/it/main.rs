//! Jobs of the two services as their users meet them. One binary, because each one more costs a link.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail where it stands"
)]

mod drift;
mod engine;
mod number_check;
mod privacy;
