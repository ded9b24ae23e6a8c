//! What came back. It must not judge it: a refusal, a redirect and an error page are replies too.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// A complete reply, whatever its status.
///
/// A status of 500 and above may come from a gateway that knows nothing of the platform's work: for what costs money
/// such a reply leaves the outcome unknown.
#[derive(Clone)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status. Redirects are not followed: a 3xx is a reply like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Bytes,
    /// How many attempts it took.
    pub attempts: u32,
    /// The corrected time at which the request was authorised: Unix time in milliseconds.
    pub sent_at_ms: u64,
}

impl fmt::Debug for Reply {
    /// Shows neither headers nor body: they hold phone numbers, tokens and cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status.as_u16())
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
