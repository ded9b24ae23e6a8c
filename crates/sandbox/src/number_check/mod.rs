//! Number check in both dialects: submit in, one result per number out, found again by a query; and the instant check.

mod archive;
mod batch;
mod bend;
mod check;
mod cost;
mod flat;
mod get;
mod nested;
mod oddity;
mod order;
mod query;
mod question;
mod render;
mod row;
mod submit;
mod submit_reply;
mod wording;

pub(crate) use archive::Archive;
pub(crate) use batch::Batch;
pub(crate) use get::{get, get_refusal};
pub(crate) use oddity::contradict;
pub(crate) use query::{query, query_refusal};
pub(crate) use render::{PushBody, Variant, push_body};
pub(crate) use submit::{is_charged, submit};
pub(crate) use submit_reply::refusal;
