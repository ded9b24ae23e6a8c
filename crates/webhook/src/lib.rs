//! The receiving end of NXCLOUD number check.
//!
#![cfg_attr(feature = "server", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "server"),
    doc = "Without the feature `server`: the pure part, for any web framework."
)]

mod capability;
mod check;
#[cfg(feature = "server")]
mod handler;
mod key;
mod push;
#[cfg(feature = "server")]
mod server;
mod signature;

pub use capability::{Capability, PREFIX, UrlError};
pub use check::{Admitted, Gate, Head, MAX_BODY_LEN, Rejection};
#[cfg(feature = "server")]
pub use handler::{Handler, NotStored};
pub use key::{KeyError, ReceiverKey};
pub use push::{Correlation, Push, Reading};
#[cfg(feature = "server")]
pub use server::{
    BindError, Closed, Counts, EmptyResponse, Ended, Receiver, ReceiverLimits, Server, serve_connection,
    serve_connection_from,
};
pub use signature::{BadSignature, PushVerifier, Verdict};
