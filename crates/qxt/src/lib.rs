#![doc = include_str!("../README.md")]

mod client;
mod privacy_result;

pub use client::{Client, ClientBuilder};
pub use privacy_result::PrivacyResult;

pub use numcheck_protocol as protocol;
pub use numcheck_transport as transport;
pub use numcheck_transport::{CallError, CallErrorKind, ManyCalls, Reply, Sent, SetupError, UnderWay};
