//! NXCLOUD number check: submit phone numbers, receive one pushed result per phone number, find results again.
//!
//! Replies and pushes are read in both dialects, whichever came; requests are the same in both, because nothing in one selects a dialect.
//! A `…Request` is what a client builds, and cannot hold nonsense; a `…Body` is what a server reads, and holds anything.

mod check_result;
mod dialect;
mod get;
mod not_taken;
mod number_type;
mod query;
mod query_reply;
mod result_push;
mod submit;
pub use check_result::Column;
pub use dialect::Dialect;
pub use get::{GetOutcome, GetRequest};
pub use not_taken::NotTaken;
pub use number_type::AnyNumberType;
pub use query::{PageSize, QueryRequest};
pub use submit::SubmitRequest;

pub use crate::generated::number_check::*;
