//! How a call failed, and whether it was sent. No error holds a URL, a query, a header or a body.

use std::error::Error as StdError;
use std::fmt;

use numcheck_protocol::{Info, Repeat};

use crate::BoxError;
use crate::connect::Way;

/// Whether the platform got the request: the question that decides what a failure may cost.
///
/// Ordered by how much may have happened. Closed: there is no fourth answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    /// Surely not: nothing was done and nothing was charged. Safe to send again.
    No,
    /// Nobody knows: bytes left, and no reply came.
    Maybe,
    /// It answered, but the answer could not be read. Treat what became of the request as unknown.
    Yes,
}

impl Sent {
    /// `no`, `maybe` or `yes`, for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Maybe => "maybe",
            Self::Yes => "yes",
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What went wrong in the last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The request could not be built: a query or a header holds what HTTP does not allow. Never sent.
    Request,
    /// The injected authorisation failed. Never sent.
    Authorize,
    /// The caller's [`Confirm`](crate::Confirm) refused the attempt. Never sent.
    NotConfirmed,
    /// The rate limiter would have waited longer than [`Limits::rate_wait`](crate::Limits::rate_wait). Never sent.
    RateLimited,
    /// Name look-up, TCP or proxy failed. Never sent.
    Connect,
    /// Connecting took longer than [`Limits::connect`](crate::Limits::connect). Never sent.
    ConnectTimeout,
    /// TLS was refused: the certificate, the host name or the protocol version. Never sent.
    Tls,
    /// The platform closed a kept-alive connection before the request was written to it. Never sent.
    Stale,
    /// The connection broke after the request was handed to it, before a reply.
    Lost,
    /// No reply within [`Limits::response`](crate::Limits::response).
    ResponseTimeout,
    /// The call took longer than [`Limits::total`](crate::Limits::total), whatever it was doing.
    TotalTimeout,
    /// What came back is not HTTP/1, or its head is larger than
    /// [`Limits::head_bytes`](crate::Limits::head_bytes).
    BadReply,
    /// A reply arrived, and broke off in its body.
    Body,
    /// A reply arrived whose body is larger than [`Limits::body_bytes`](crate::Limits::body_bytes).
    TooLarge,
    /// The caller dropped the call: [`SendError::cancelled`].
    Cancelled,
}

impl SendErrorKind {
    fn what(self) -> &'static str {
        match self {
            Self::Request => "the request could not be built",
            Self::Authorize => "the request could not be authorised",
            Self::NotConfirmed => "the attempt was not confirmed before it was signed",
            Self::RateLimited => "the rate limit leaves no room in time",
            Self::Connect => "could not connect",
            Self::ConnectTimeout => "connecting took too long",
            Self::Tls => "the TLS handshake was refused",
            Self::Stale => "the kept connection was closed",
            Self::Lost => "the connection broke before a reply",
            Self::ResponseTimeout => "no reply in time",
            Self::TotalTimeout => "the call took too long",
            Self::BadReply => "the reply is not HTTP or its head is too large",
            Self::Body => "the reply broke off",
            Self::TooLarge => "the reply is too large",
            Self::Cancelled => "stopped on request",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Request => "correct the parameters",
            Self::Authorize => "correct the credentials",
            Self::NotConfirmed => "see why it was not confirmed",
            Self::RateLimited => "send less at once, or allow a longer wait",
            Self::Connect => "check the address, the network and the proxy",
            Self::Tls => "check the certificate authority, the host name and this machine's clock",
            Self::BadReply => "check that the base URL is the platform's and no other server's",
            Self::TooLarge => "allow a larger reply, if this one is what you want",
            Self::ConnectTimeout
            | Self::Stale
            | Self::Lost
            | Self::ResponseTimeout
            | Self::TotalTimeout
            | Self::Body
            | Self::Cancelled => "call again later",
        }
    }
}

/// A call that ended without a reply that could be read.
///
/// `Display` is one line without the cause; the cause is behind [`source`](StdError::source). None of it holds a
/// URL, a query, a header or a body; of the platform's address, and that of a proxy, it names host and port.
///
/// ```
/// use numcheck_protocol::{Endpoint, number_check::Submit};
/// use numcheck_transport::{SendError, SendErrorKind, Sent};
///
/// fn is_to_be_sent_again(error: &SendError) -> bool {
///     error.sent() == Sent::No
/// }
/// assert!(is_to_be_sent_again(&SendError::from_kind(&Submit::INFO, SendErrorKind::Connect, Sent::No)));
/// assert!(!is_to_be_sent_again(&SendError::from_kind(&Submit::INFO, SendErrorKind::Lost, Sent::Maybe)));
/// ```
#[derive(Debug)]
pub struct SendError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: SendErrorKind,
    sent: Sent,
    repeat: Repeat,
    endpoint: &'static str,
    attempts: u32,
    status: Option<u16>,
    /// Where a connection was to go that did not come about.
    way: Option<Way>,
    source: Option<BoxError>,
}

impl SendError {
    pub(crate) fn new(endpoint: &'static str, repeat: Repeat, attempts: u32, failure: Failure) -> Self {
        let Failure { kind, sent, status, way, source } = failure;
        Self(Box::new(Inner { kind, sent, repeat, endpoint, attempts, status, way, source }))
    }

    /// An error of this kind after one attempt, without a cause: for tests of code that handles errors.
    pub fn from_kind(info: &Info, kind: SendErrorKind, sent: Sent) -> Self {
        Self::new(info.id, info.repeat, 1, Failure::new(kind, sent))
    }

    /// The error of a call that its caller stopped, which no future is left to return.
    ///
    /// [`Sent::No`] where the future of [`Client::send`](crate::Client::send) was never polled, [`Sent::Maybe`] where it was.
    pub fn cancelled(info: &Info, sent: Sent) -> Self {
        let attempts = u32::from(sent != Sent::No);
        Self::new(info.id, info.repeat, attempts, Failure::new(SendErrorKind::Cancelled, sent))
    }

    /// What went wrong in the last attempt.
    pub fn kind(&self) -> SendErrorKind {
        self.0.kind
    }

    /// Whether the platform got the request, over all attempts: the most that may have happened.
    ///
    /// [`Sent::No`]: nothing happened, call again. Else, for what costs money: find out first.
    /// A refusal because of the clock counts as not sent, since it did nothing.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// The endpoint's id, such as `number_check.submit`.
    pub fn endpoint(&self) -> &'static str {
        self.0.endpoint
    }

    /// How many attempts were made; 0 when it failed before the first.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The HTTP status of a reply whose body could not be read.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, sent, repeat, endpoint, attempts, way, .. } = &*self.0;
        let (sent, advice) = match (sent, repeat) {
            (Sent::No, _) => ("not sent", kind.advice()),
            (_, Repeat::Never) => {
                ("may have been carried out", "do not send it again before you know what became of it")
            }
            (_, Repeat::Safe) => ("may have arrived, which does no harm", kind.advice()),
        };
        let what = match (kind, way) {
            (SendErrorKind::Connect, Some(way)) => format!("could not connect to {way}"),
            (SendErrorKind::ConnectTimeout, Some(way)) => format!("connecting to {way} took too long"),
            (SendErrorKind::Tls, Some(way)) => format!("the TLS handshake with {way} was refused"),
            _ => kind.what().to_owned(),
        };
        write!(f, "{endpoint}: {what}; {sent} (attempt {attempts}): {advice}")
    }
}

impl StdError for SendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// How one attempt failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: SendErrorKind,
    pub(crate) sent: Sent,
    pub(crate) status: Option<u16>,
    pub(crate) way: Option<Way>,
    pub(crate) source: Option<BoxError>,
}

impl Failure {
    pub(crate) fn new(kind: SendErrorKind, sent: Sent) -> Self {
        Self { kind, sent, status: None, way: None, source: None }
    }

    pub(crate) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }
}
