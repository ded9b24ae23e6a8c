//! NXCLOUD number check: submit numbers, receive one pushed result per number, find results again.
//!
//! Types only: nothing here sends, signs or waits. First dialect (v1), the one of the project's source documents.

mod query;
mod result_push;
mod submit;

pub use query::{PageSize, Query, QueryBody, QueryData, QueryReply, QueryRequest, QueryRow};
pub use result_push::{Basic, Cost, Dial, Live, ResultData, ResultPush};
pub use submit::{Submit, SubmitBody, SubmitData, SubmitReply, SubmitRequest};

pub use crate::generated::number_check::{
    Answer, CallbackCode, CheckLevel, DialResponse, KnownAnswer, KnownCheckLevel, KnownDialResponse,
    KnownNumberType, NumberType, QueryCode, RESULT_PUSH, SubmitCode,
};
