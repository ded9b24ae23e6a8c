//! One connection to a receiver, kept open from push to push.
//!
//! It never repeats a push that may have arrived: the queue does, a minute later, as the platform would.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::journal::PushAnswer;
use crate::settings::PushPolicy;

/// The longest answer that is read before a connection is used again; a longer one ends the connection.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A connection that is opened when first needed, and again when it is gone.
pub(crate) struct Connection {
    authority: Arc<str>,
    policy: PushPolicy,
    patience: Duration,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) fn new(authority: Arc<str>, policy: PushPolicy, patience: Duration) -> Self {
        Self { authority, policy, patience, open: None }
    }

    /// Sends one push and waits for its answer, in real time.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> PushAnswer {
        let request = Request::post(path)
            .header(header::HOST, &*self.authority)
            .header(header::USER_AGENT, concat!("numcheck-sandbox/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let request = request.body(Full::new(Bytes::from(body)));
        let Ok(request) = request else { return PushAnswer::NotConnected };
        // Taken out, so that whatever interrupts this leaves no connection in the middle of an answer behind.
        let open = self.open.take();
        let patience = self.patience;
        match tokio::time::timeout(patience, self.exchange(open, request)).await {
            Ok((answer, open)) => {
                self.open = open;
                answer
            }
            Err(_) => PushAnswer::TimedOut,
        }
    }

    async fn exchange(
        &self,
        open: Option<SendRequest<Full<Bytes>>>,
        mut request: Request<Full<Bytes>>,
    ) -> (PushAnswer, Option<SendRequest<Full<Bytes>>>) {
        if let Some(mut open) = open
            && open.ready().await.is_ok()
        {
            match open.try_send_request(request).await {
                Ok(response) => return finish(response, open).await,
                // Not a byte of it was sent: the receiver had closed the idle connection.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return (PushAnswer::Broken, None),
                },
            }
        }
        let Ok(mut open) = self.connect().await else { return (PushAnswer::NotConnected, None) };
        match open.send_request(request).await {
            Ok(response) => finish(response, open).await,
            Err(_) => (PushAnswer::Broken, None),
        }
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in tokio::net::lookup_host(&*self.authority).await? {
            // `localhost` is whatever this machine resolves it to.
            if self.policy == PushPolicy::Loopback && !address.ip().is_loopback() {
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let (open, connection) =
                        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
                    // Ends by itself as soon as `open` is dropped.
                    tokio::spawn(connection);
                    return Ok(open);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Reads the rest of an answer, so that the connection can be used again.
async fn finish(
    response: Response<Incoming>,
    open: SendRequest<Full<Bytes>>,
) -> (PushAnswer, Option<SendRequest<Full<Bytes>>>) {
    let answer = PushAnswer::Status(response.status().as_u16());
    let read = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
    (answer, read.is_ok().then_some(open))
}
