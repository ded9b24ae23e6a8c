//! What a caller may add to its calls: headers of its own, and another time limit.

use std::fmt;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What the client writes by itself: another value would send a request that is not the one that was signed, or no HTTP at all.
const RESERVED: [HeaderName; 11] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers and a time limit for one call, or for all calls of a clone: [`Client::with_options`](crate::Client::with_options). `Debug` shows the
/// names of headers, and no value.
///
/// ```
/// use std::time::Duration;
/// use numcheck_transport::CallOptions;
/// use numcheck_transport::http::{HeaderName, HeaderValue};
///
/// let traced = CallOptions::new()
///     .header(HeaderName::from_static("traceparent"), HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
///     .time_limit(Duration::from_secs(5));
/// ```
#[derive(Clone, Default)]
pub struct CallOptions {
    headers: HeaderMap,
    time_limit: Option<Duration>,
}

impl CallOptions {
    /// Nothing that the client does not do by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more header, in every attempt. It is not signed. Those of the authorisation win over one of the same name.
    ///
    /// A call is refused as [`SendErrorKind::Request`](crate::SendErrorKind::Request), and nothing is sent, where a header says how the request is
    /// framed, routed or to be read: `Host`, `Content-Type`, `Content-Length`, `Content-Encoding`, `Transfer-Encoding`, `Connection` and
    /// their like.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// How long a call may take, in place of [`Limits::total`](crate::Limits::total). It does not stop what was sent: a call that costs money and
    /// ran out of time is in doubt.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// These options, and where they say nothing those of `base`. A header is taken from one of them.
    pub(crate) fn over(mut self, base: &Self) -> Self {
        for name in base.headers.keys() {
            if !self.headers.contains_key(name) {
                for value in base.headers.get_all(name) {
                    self.headers.append(name, value.clone());
                }
            }
        }
        self.time_limit = self.time_limit.or(base.time_limit);
        self
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.time_limit
    }

    /// A header that is not the caller's to set.
    pub(crate) fn reserved(&self) -> Option<ReservedHeader> {
        RESERVED.iter().find(|name| self.headers.contains_key(*name)).cloned().map(ReservedHeader)
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("CallOptions").field("headers", &names).field("time_limit", &self.time_limit).finish()
    }
}

#[derive(Debug)]
pub(crate) struct ReservedHeader(HeaderName);

impl fmt::Display for ReservedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the header {} is written by the client: leave it out", self.0)
    }
}

impl std::error::Error for ReservedHeader {}
