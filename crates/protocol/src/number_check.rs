//! NXCLOUD number check: submit numbers, receive one pushed result per number, find results again.
//!
//! Types only: nothing here sends, signs or waits. What is read is read in both dialects, whichever came; what is written is the same in
//! both, because nothing in a request selects one.

mod check_result;
mod dialect;
mod get;
mod not_taken;
mod number_type;
mod query;
mod query_reply;
mod result_push;
mod submit;

pub use check_result::CheckResult;
pub use dialect::Dialect;
pub use get::{Get, GetBasic, GetBody, GetData, GetOutcome, GetReply, GetRequest};
pub use not_taken::NotTaken;
pub use number_type::AnyNumberType;
pub use query::{PageSize, Query, QueryBody, QueryRequest};
pub use query_reply::{QueryData, QueryReply, QueryRow};
pub use result_push::{Basic, Cost, Dial, Live, ResultData, ResultPush};
pub use submit::{FailNumber, Submit, SubmitBody, SubmitData, SubmitReply, SubmitRequest};

pub use crate::generated::number_check::{
    Answer, CallbackCode, CheckLevel, DialResponse, InstantCode, KnownAnswer, KnownCheckLevel,
    KnownDialResponse, KnownNumberType, KnownNumberTypeWord, NumberType, NumberTypeWord, QueryCode,
    RESULT_PUSH, SubmitCode,
};
