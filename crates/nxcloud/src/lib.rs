#![doc = include_str!("../README.md")]

mod answer_form;
mod client;
mod get;
mod number_check;
mod query;
mod signer;
mod whatsapp;

pub use answer_form::AnswerForm;
pub use client::{Client, ClientBuilder};
pub use get::{Checked, GetCall};
pub use number_check::{Accepted, NumberCheck, SubmitCall};
pub use query::{Pages, QueryCall, QueryPage};
pub use whatsapp::{Answered, CodeCheck, Phones, WhatsApp};

pub use numcheck_protocol as protocol;
pub use numcheck_signing::{Algorithm, Secret};
pub use numcheck_transport as transport;
pub use numcheck_transport::{CallError, CallErrorKind, ManyCalls, Reply, Sent, SetupError, UnderWay};
