#![doc = include_str!("../README.md")]

mod answer;
mod client;

pub use answer::Answer;
pub use client::{BuildError, Client, ClientBuilder};

pub use numcheck_protocol as protocol;
pub use numcheck_transport::{CallError as Error, CallErrorKind as ErrorKind, ClientBuilder as Transport, Sent};
