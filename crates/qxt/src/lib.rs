#![doc = include_str!("../README.md")]

mod answer;
mod client;

pub use answer::Answer;
pub use client::{Client, ClientBuilder};

pub use numcheck_protocol as protocol;
pub use numcheck_transport as transport;
pub use numcheck_transport::{CallError, CallErrorKind, ManyCalls, Reply, Sent, SetupError, UnderWay};
