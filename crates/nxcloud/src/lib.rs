#![doc = include_str!("../README.md")]

mod client;
mod number_check;
mod signer;
mod whatsapp;

pub use client::{BuildError, Client, ClientBuilder};
pub use number_check::{Accepted, NumberCheck, SubmitCall};
pub use whatsapp::WhatsApp;

pub use numcheck_protocol as protocol;
pub use numcheck_signing::{Algorithm, Secret};
pub use numcheck_transport::{CallError as Error, CallErrorKind as ErrorKind, ClientBuilder as Transport, Sent};
