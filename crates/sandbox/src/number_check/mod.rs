//! Number check, first dialect: submit in, one result per number out.
//!
//! It decides what is answered and what a number comes to. It must not send anything: how results travel is the pusher's affair.

mod batch;
mod check;
mod order;
mod render;
mod submit;
mod wording;

pub(crate) use batch::Batch;
pub(crate) use render::{PushBody, Variant, push_body};
pub(crate) use submit::{refusal, submit};
