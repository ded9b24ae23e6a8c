//! One request, read in full, of bounded size.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request};

/// How long a body may take to arrive, in real time.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// A request that has arrived.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Without the question mark; may hold a key.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
}

/// Why a request could not be read.
pub(crate) enum Unread {
    /// The body is longer than allowed.
    TooLong,
    /// The body did not arrive in time.
    TooSlow,
    /// The connection broke.
    Broken,
}

impl Call {
    /// Reads a request. What could not be read leaves an empty body.
    pub(crate) async fn read(
        request: Request<Incoming>,
        peer: IpAddr,
        limit: usize,
    ) -> (Self, Option<Unread>) {
        let (head, body) = request.into_parts();
        let read = tokio::time::timeout(BODY_PATIENCE, Limited::new(body, limit).collect()).await;
        let (body, unread) = match read {
            Ok(Ok(body)) => (body.to_bytes(), None),
            Ok(Err(error)) if error.is::<LengthLimitError>() => (Bytes::new(), Some(Unread::TooLong)),
            Ok(Err(_)) => (Bytes::new(), Some(Unread::Broken)),
            Err(_) => (Bytes::new(), Some(Unread::TooSlow)),
        };
        let call = Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            peer,
        };
        (call, unread)
    }

    /// A header's value; `None` where it is absent, empty or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
    }

    /// The media type without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}
