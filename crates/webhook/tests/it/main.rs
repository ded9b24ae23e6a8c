//! The receiver as its users meet it. One binary, because each one more costs a link.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod auth_codes;
mod limits;
mod mounted;
mod server;
mod signatures;
mod support;
