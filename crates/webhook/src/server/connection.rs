//! One connection, from its first byte to its end. Every wait has a limit.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::handler::Handler;
use crate::server::limits::ReceiverLimits;
use crate::server::peers::Admission;
use crate::server::receiver::{EmptyResponse, Receiver};

/// Serves one connection of HTTP/1.1 over any stream, until the other side leaves, a limit closes it, or `stop` resolves and
/// what is in flight has been answered. For a stream without an address; see [`serve_connection_from`].
///
/// A request that is not let in closes the connection, unless a push was let in on it before: what a proxy keeps open for the next request
/// has then shown a capability.
///
/// Handlers that are still running when it returns run on.
pub async fn serve_connection<H, S, Stop>(receiver: &Receiver<H>, stream: S, stop: Stop) -> Ended
where
    H: Handler,
    S: AsyncRead + AsyncWrite + Unpin,
    Stop: Future<Output = ()>,
{
    serve_admitted(receiver, stream, Admission::unlimited(), stop).await
}

/// The same for a stream from `peer`, within [`ReceiverLimits::unauthenticated_per_peer`]. For a listener of the caller's own, such as one with TLS.
///
/// ```
/// use std::net::IpAddr;
/// use numcheck_webhook::{Handler, Receiver, serve_connection_from};
/// use tokio::io::{AsyncRead, AsyncWrite};
///
/// /// `stream` is what the TLS acceptor of your own made of a connection.
/// async fn serve<S: AsyncRead + AsyncWrite + Unpin>(receiver: &Receiver<impl Handler>, peer: IpAddr, stream: S) {
///     serve_connection_from(receiver, peer, stream, std::future::pending()).await;
/// }
/// ```
pub async fn serve_connection_from<H, S, Stop>(
    receiver: &Receiver<H>,
    peer: IpAddr,
    stream: S,
    stop: Stop,
) -> Ended
where
    H: Handler,
    S: AsyncRead + AsyncWrite + Unpin,
    Stop: Future<Output = ()>,
{
    let admission = receiver.peers().admit(peer, Instant::now());
    serve_admitted(receiver, stream, admission, stop).await
}

pub(crate) async fn serve_admitted<H, S, Stop>(
    receiver: &Receiver<H>,
    stream: S,
    admission: Admission,
    stop: Stop,
) -> Ended
where
    H: Handler,
    S: AsyncRead + AsyncWrite + Unpin,
    Stop: Future<Output = ()>,
{
    let limits = *receiver.limits();
    let admission = Arc::new(admission);
    let service = ConnectionService { receiver: receiver.clone(), admission: Arc::clone(&admission) };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(ReceiverLimits::MAX_HEAD_LEN)
        .max_headers(ReceiverLimits::MAX_FIELDS)
        // The platform may close its sending side before it reads the answer; it is still owed one.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);

    let outcome = {
        let mut connection = Pin::new(&mut connection);
        let first = tokio::select! {
            // What has arrived is read before the connection may be dismissed.
            biased;
            outcome = connection.as_mut() => First::Ended(outcome),
            () = admission.dismissed() => First::Dismissed,
            () = stop => First::Stopped,
            () = tokio::time::sleep(limits.connection_time) => First::Stopped,
        };
        match first {
            First::Ended(outcome) => Some(outcome),
            First::Dismissed => {
                receiver.counters().dismissed.add();
                return Ended::Dismissed;
            }
            First::Stopped => {
                connection.as_mut().graceful_shutdown();
                timeout(limits.request_time(), connection).await.ok()
            }
        }
    };
    let ended = match outcome {
        Some(Ok(())) => Ended::Done,
        Some(Err(error)) if error.is_timeout() => Ended::HeadTimedOut,
        Some(Err(error)) if error.is_parse() => Ended::Malformed,
        Some(Err(_)) => Ended::Broken,
        None => Ended::Cut,
    };
    match ended {
        Ended::HeadTimedOut => {
            receiver.counters().head_timed_out.add();
            let parts = connection.into_parts();
            if !parts.read_buf.is_empty() {
                say_timed_out(parts.io.into_inner(), limits.head_time).await;
            }
        }
        Ended::Malformed if begins_proxy_protocol(&connection.into_parts().read_buf) => {
            receiver.counters().proxy_protocol.add();
        }
        Ended::Malformed => receiver.counters().malformed.add(),
        Ended::Done | Ended::Broken | Ended::Dismissed | Ended::Cut => {}
    }
    ended
}

/// What happened first to a connection.
enum First {
    Ended(hyper::Result<()>),
    Dismissed,
    Stopped,
}

/// A receiver that knows which connection a request came on.
struct ConnectionService<H> {
    receiver: Receiver<H>,
    admission: Arc<Admission>,
}

impl<H: Handler> hyper::service::Service<Request<Incoming>> for ConnectionService<H> {
    type Response = EmptyResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<EmptyResponse, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (receiver, admission) = (self.receiver.clone(), Arc::clone(&self.admission));
        Box::pin(async move { Ok(receiver.answer_on(request, Some(&admission)).await) })
    }
}

/// Whether a load balancer speaks of its peer first, in either version of the PROXY protocol. hyper has taken the line ends away with which the
/// second begins.
fn begins_proxy_protocol(read: &[u8]) -> bool {
    read.starts_with(b"PROXY ") || read.trim_ascii_start().starts_with(b"\0\r\nQUIT\n")
}

/// hyper closes without a word; whoever has begun a request is told why. Nobody has to listen.
async fn say_timed_out(mut stream: impl AsyncWrite + Unpin, limit: Duration) {
    let answer = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = timeout(limit, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// In order, by either side.
    Done,
    /// No whole head arrived in time; 408 if it had begun.
    HeadTimedOut,
    /// What came was not HTTP, or its head was too large.
    Malformed,
    /// The other side broke off, or the network did.
    Broken,
    /// It had shown no capability, and its peer held too many such connections, or its place was needed
    /// ([`ReceiverLimits::unauthenticated_per_peer`]).
    Dismissed,
    /// It did not end by itself within the limits.
    Cut,
}
