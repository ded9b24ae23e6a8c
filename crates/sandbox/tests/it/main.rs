//! Both platforms as their clients meet them, over raw HTTP. One binary, because each one more costs a link.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail where it stands"
)]

mod assumed;
mod auth;
mod common;
mod delivery;
mod dialect;
mod faults;
mod garbage;
mod get;
mod late;
mod leaks;
mod page;
mod query;
mod qxt;
mod register;
mod results;
mod signed_pushes;
mod submit;
mod whatsapp;
