//! Number check, first dialect: submit in, one result per number out, and found again by a query.
//!
//! It decides what is answered and what a number comes to. It must not send anything: how results travel is the pusher's affair.

mod archive;
mod batch;
mod bend;
mod check;
mod order;
mod query;
mod question;
mod render;
mod row;
mod submit;
mod wording;

pub use archive::Tally;

pub(crate) use archive::Archive;
pub(crate) use batch::Batch;
pub(crate) use query::{query, query_refusal};
pub(crate) use render::{PushBody, Variant, push_body};
pub(crate) use submit::{refusal, submit};
