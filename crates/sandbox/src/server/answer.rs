//! What an endpoint answers, before it becomes HTTP.

use std::borrow::Cow;
use std::time::Duration;

use numcheck_protocol::encode;
use serde::Serialize;
use tokio::sync::oneshot;

/// The answer to one request, and what the journal should know of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Cow<'static, [u8]>,
    /// The result code in the envelope.
    pub(crate) code: Option<i64>,
    /// What was wrong, for people. It must quote nothing of the request.
    pub(crate) why: String,
    /// The caller's `accessKey`, as sent.
    pub(crate) access_key: Option<String>,
    /// How many numbers the request was about.
    pub(crate) numbers: usize,
    pub(crate) batch_no: Option<String>,
    pub(crate) message_id: Option<String>,
    /// How it leaves.
    pub(crate) leaves: Leaves,
    /// What must have happened before the answer leaves.
    pub(crate) before_reply: Vec<oneshot::Receiver<()>>,
    /// `Allow`, for a method that the path does not have.
    pub(crate) allow: Option<String>,
}

/// How an answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// So much (real) time later.
    At(Duration),
    /// Not at all; the connection is closed.
    Closed,
    /// Not at all; the connection stays until the client closes it.
    Never,
}

pub(crate) const JSON: &str = "application/json;charset=UTF-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

impl Answer {
    /// HTTP 200 with an endpoint's own envelope, which is how the platforms answer whatever the outcome. [assumed for authentication]
    pub(crate) fn envelope(reply: &impl Serialize, code: i64, why: String) -> Self {
        let body = encode(reply).unwrap_or_default();
        Self { code: Some(code), why, ..Self::new(200, JSON, body) }
    }

    /// An answer outside the platforms' documents.
    pub(crate) fn json(status: u16, reply: &impl Serialize, why: &str) -> Self {
        let body = encode(reply).unwrap_or_default();
        Self { why: why.to_owned(), ..Self::new(status, JSON, body) }
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            code: None,
            why: String::new(),
            access_key: None,
            numbers: 0,
            batch_no: None,
            message_id: None,
            leaves: Leaves::At(Duration::ZERO),
            before_reply: Vec::new(),
            allow: None,
        }
    }
}
