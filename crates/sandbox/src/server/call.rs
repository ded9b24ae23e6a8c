//! One request, read in full, of bounded size, and all of them together, too.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body may take to arrive, in real time.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// As much room as so many of the longest bodies take, for the bodies of all requests that arrive or are held.
const LONGEST_AT_ONCE: usize = 4;

/// Room for the bodies of all requests, in bytes.
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn new(body_limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(body_limit.saturating_mul(LONGEST_AT_ONCE).min(Semaphore::MAX_PERMITS))))
    }

    async fn read(
        &self,
        body: Incoming,
        limit: usize,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Unread> {
        let mut body = Limited::new(body, limit);
        let (mut read, mut room) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
                true => Unread::TooLong,
                false => Unread::Broken,
            })?;
            let Ok(data) = frame.into_data() else { continue };
            let more = u32::try_from(data.len())
                .ok()
                .and_then(|more| Arc::clone(&self.0).try_acquire_many_owned(more).ok());
            let more = more.ok_or(Unread::NoRoom)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            read.extend_from_slice(&data);
        }
        Ok((read.freeze(), room))
    }
}

/// A request that has arrived.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Without the question mark; may hold a key.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
    /// What its body takes of the room.
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a request could not be read.
pub(crate) enum Unread {
    /// The body is longer than allowed.
    TooLong,
    /// The bodies of other requests take all the room.
    NoRoom,
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
        room: &Room,
    ) -> (Self, Option<Unread>) {
        let (head, body) = request.into_parts();
        let read = tokio::time::timeout(BODY_PATIENCE, room.read(body, limit)).await;
        let (body, room, unread) = match read.unwrap_or(Err(Unread::TooSlow)) {
            Ok((body, room)) => (body, room, None),
            Err(unread) => (Bytes::new(), None, Some(unread)),
        };
        let call = Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            peer,
            _room: room,
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
