//! One attempt: a request out, a reply in, or how it failed and whether it was sent.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::client::later;
use crate::connect::{Connector, NotConnected};
use crate::error::Failure;
use crate::{Limits, SendErrorKind, Sent, reply};

/// hyper-util's client with our connector.
pub(crate) type Http = hyper_util::client::legacy::Client<Connector, Full<Bytes>>;

/// A reply: complete, or with the beginning of its body where that is enough to know that the request never reached the operation.
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends a request and reads its reply, within the limits and until `deadline` at the latest.
pub(crate) async fn exchange(
    http: &Http,
    mut request: Request<Full<Bytes>>,
    limits: &Limits,
    deadline: Instant,
) -> Result<Received, Failure> {
    let captured = capture_connection(&mut request);
    let mut reply = http.request(request);
    // One timer: the call's, until a connection has the request; then that of the reply, where it is over earlier.
    let mut timer = Timer { sleep: pin!(sleep_until(deadline)), has_waited: false };
    let mut is_handed_over = false;
    let mut over = SendErrorKind::TotalTimeout;
    // The reply is asked first: one that is there is never too late.
    let reply = poll_fn(|cx| {
        if let Poll::Ready(reply) = Pin::new(&mut reply).poll(cx) {
            return Poll::Ready(reply.map_err(|error| failure(error, &captured)));
        }
        if !is_handed_over && sent(&captured) == Sent::Maybe {
            is_handed_over = true;
            let response = later(Instant::now(), limits.response);
            if response < deadline {
                timer.reset(response);
                over = SendErrorKind::ResponseTimeout;
            }
        }
        timer.poll(cx).map(|()| Err(Failure::new(over, sent(&captured))))
    })
    .await?;

    let (head, body) = reply.into_parts();
    let arrived = |kind| Failure { status: Some(head.status.as_u16()), ..Failure::new(kind, Sent::Yes) };
    let mut pieces = Pieces::default();
    let ended = {
        let mut reading = pin!(read(body, &mut pieces, limits.body_bytes));
        let mut is_reset = false;
        poll_fn(|cx| {
            if let Poll::Ready(ended) = reading.as_mut().poll(cx) {
                return Poll::Ready(ended.map_err(|error| match error {
                    Some(error) => arrived(SendErrorKind::Body).because(error),
                    None => arrived(SendErrorKind::TooLarge),
                }));
            }
            if !is_reset {
                is_reset = true;
                timer.reset(deadline);
            }
            timer.poll(cx).map(|()| Err(arrived(SendErrorKind::TotalTimeout)))
        })
        .await
    };
    let received = Received { status: head.status, headers: head.headers, body: pieces.into_bytes() };
    #[cfg(feature = "encodings")]
    let received = if ended.is_ok() { crate::coding::decode(received, limits.body_bytes) } else { received };
    match ended {
        Err(failure) if !reply::begins_unreached(received.status, &received.headers, &received.body) => {
            Err(failure)
        }
        _ => Ok(received),
    }
}

/// A timer after which something has come too late.
///
/// Where the timer itself comes late, this process or its machine has stood still, and what has arrived meanwhile waits in a socket: it is read
/// first. An answer that was paid for must not be lost for a suspended laptop.
struct Timer<'a> {
    sleep: Pin<&'a mut Sleep>,
    has_waited: bool,
}

/// By how much a timer is late on a machine that is only busy.
const BUSY: Duration = Duration::from_millis(50);
/// How long reading may take what has arrived already.
const READING: Duration = Duration::from_secs(1);

impl Timer<'_> {
    fn reset(&mut self, deadline: Instant) {
        self.sleep.as_mut().reset(deadline);
        self.has_waited = false;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.sleep.as_mut().poll(cx));
        let now = Instant::now();
        if self.has_waited || now.saturating_duration_since(self.sleep.deadline()) < BUSY {
            return Poll::Ready(());
        }
        self.has_waited = true;
        self.sleep.as_mut().reset(now + READING);
        self.sleep.as_mut().poll(cx)
    }
}

/// What has come of a body. One that comes in one piece, as most replies do, is not copied.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    joined: BytesMut,
}

impl Pieces {
    fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

/// Reads a body to its end, or until it breaks off (`Some`) or is larger than `limit` (`None`).
async fn read(mut body: Incoming, pieces: &mut Pieces, limit: usize) -> Result<(), Option<hyper::Error>> {
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(Some)?.into_data() else { continue };
        let room = limit - pieces.len();
        let fits = data.len() <= room;
        data.truncate(room);
        pieces.push(data);
        if !fits {
            return Err(None);
        }
    }
    Ok(())
}

/// hyper-util notes the connection right before it hands the request over: without one, nothing was written.
fn sent(captured: &CaptureConnection) -> Sent {
    if captured.connection_metadata().is_some() { Sent::Maybe } else { Sent::No }
}

fn failure(error: hyper_util::client::legacy::Error, captured: &CaptureConnection) -> Failure {
    let inner = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    let ours = error.source().and_then(|source| source.downcast_ref::<NotConnected>());
    let way = ours.map(|ours| ours.way().clone());
    let (kind, sent) = if error.is_connect() {
        (ours.map_or(SendErrorKind::Connect, NotConnected::kind), Sent::No)
    } else if inner.is_some_and(hyper::Error::is_canceled) {
        // On HTTP/1, hyper says "canceled" exactly where it hands the request back, which it does only while it
        // has written none of it (hyper 1.12, `client/dispatch.rs` and `proto/h1/dispatch.rs`).
        (SendErrorKind::Stale, Sent::No)
    } else if sent(captured) == Sent::No {
        (SendErrorKind::Connect, Sent::No)
    } else if inner.is_some_and(hyper::Error::is_parse) {
        (SendErrorKind::BadReply, Sent::Maybe)
    } else {
        (SendErrorKind::Lost, Sent::Maybe)
    };
    Failure { way, ..Failure::new(kind, sent) }.because(error)
}
