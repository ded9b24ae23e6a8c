//! One attempt: a request out, a reply in, or how it failed and whether it was sent. It must not repeat anything.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::{Instant, sleep, timeout_at};

use crate::connect::{ConnectError, Connector};
use crate::error::Failure;
use crate::{ErrorKind, Limits, Sent};

/// hyper-util's client with our connector.
pub(crate) type Http = hyper_util::client::legacy::Client<Connector, Full<Bytes>>;

/// A complete reply.
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
    let mut too_slow = pin!(response_time_is_up(captured.clone(), limits));
    // The reply is asked first: one that is there is never too late.
    let head = poll_fn(|cx| match Pin::new(&mut reply).poll(cx) {
        Poll::Ready(reply) => Poll::Ready(reply.map_err(|error| failure(error, &captured))),
        Poll::Pending => {
            too_slow.as_mut().poll(cx).map(|()| Err(Failure::new(ErrorKind::ResponseTimeout, Sent::Maybe)))
        }
    });
    let reply = match timeout_at(deadline, head).await {
        Ok(reply) => reply?,
        Err(_) => return Err(Failure::new(ErrorKind::TotalTimeout, sent(&captured))),
    };

    let (head, body) = reply.into_parts();
    let arrived = |kind| Failure { status: Some(head.status.as_u16()), ..Failure::new(kind, Sent::Yes) };
    let body = match timeout_at(deadline, Limited::new(body, limits.body_bytes).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(arrived(ErrorKind::TooLarge)),
        Ok(Err(error)) => return Err(arrived(ErrorKind::Body).because(error)),
        Err(_) => return Err(arrived(ErrorKind::TotalTimeout)),
    };
    Ok(Received { status: head.status, headers: head.headers, body })
}

/// Counts from the moment a connection has the request.
async fn response_time_is_up(mut captured: CaptureConnection, limits: &Limits) {
    drop(captured.wait_for_connection_metadata().await);
    sleep(limits.response).await;
}

/// hyper-util notes the connection right before it hands the request over: without one, nothing was written.
fn sent(captured: &CaptureConnection) -> Sent {
    if captured.connection_metadata().is_some() { Sent::Maybe } else { Sent::No }
}

fn failure(error: hyper_util::client::legacy::Error, captured: &CaptureConnection) -> Failure {
    let inner = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    let (kind, sent) = if error.is_connect() {
        let ours = error.source().and_then(|source| source.downcast_ref::<ConnectError>());
        (ours.map_or(ErrorKind::Connect, ConnectError::kind), Sent::No)
    } else if inner.is_some_and(hyper::Error::is_canceled) {
        // On HTTP/1, hyper says "canceled" exactly where it hands the request back, which it does only while it
        // has written none of it (hyper 1.12, `client/dispatch.rs` and `proto/h1/dispatch.rs`).
        (ErrorKind::Stale, Sent::No)
    } else if sent(captured) == Sent::No {
        (ErrorKind::Connect, Sent::No)
    } else if inner.is_some_and(hyper::Error::is_parse) {
        (ErrorKind::BadReply, Sent::Maybe)
    } else {
        (ErrorKind::Lost, Sent::Maybe)
    };
    Failure::new(kind, sent).because(error)
}
