//! A scripted HTTP server in memory, and small things that every test needs.

pub(crate) use numcheck_testing::http::chain;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use numcheck_protocol::number_check::Submit;
use numcheck_protocol::{Endpoint, Info, Repeat};
use numcheck_transport::{
    Address, Attempt, Authorize, BoxError, Client, ClientBuilder, Dial, RateLimits, Reply, Stream,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout};

/// What costs money: never repeated when it may have arrived.
pub(crate) fn costly() -> Info {
    Submit::INFO
}

/// What only reads.
pub(crate) fn safe() -> Info {
    let mut info = Submit::INFO;
    info.id = "test.safe";
    info.repeat = Repeat::Safe;
    info.rates = &[];
    info
}

pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"code\":0}";

/// The server's ends of the connections that the client opens, in order.
pub(crate) struct Incoming {
    streams: UnboundedReceiver<DuplexStream>,
    dialled: Arc<AtomicUsize>,
}

impl Incoming {
    /// An hour on the paused clock passes only when nothing else can happen: so a test fails rather than hangs.
    pub(crate) async fn accept(&mut self) -> DuplexStream {
        let stream =
            timeout(Duration::from_secs(3600), self.streams.recv()).await.expect("no connection came");
        stream.expect("the client is gone")
    }

    /// How many connections the client opened.
    pub(crate) fn dialled(&self) -> usize {
        self.dialled.load(Ordering::SeqCst)
    }
}

/// A network in memory.
pub(crate) fn network() -> (impl Dial, Incoming) {
    let (send, streams) = unbounded_channel();
    let dialled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&dialled);
    let dial = move |_: Address| {
        counter.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let sent = send.send(theirs);
        async move {
            sent.map_err(|_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused))?;
            Ok(Stream::new(ours))
        }
    };
    (dial, Incoming { streams, dialled })
}

/// A client in memory, without rate limits, and the other side of its connections.
pub(crate) fn in_memory() -> (ClientBuilder, Incoming) {
    let (dial, incoming) = network();
    (Client::builder("http://localhost").rate_limits(RateLimits::off()).dial(dial), incoming)
}

/// Reads one request: its head, then its body. `None` when the client closed before a whole one.
pub(crate) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("a head is ASCII");
    let mut body = vec![0; header(&head, "content-length").map_or(0, |n| n.parse().expect("a number"))];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// A header's value, by its lower-case name.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Reads a request and answers it.
pub(crate) async fn answer(stream: &mut DuplexStream, reply: &[u8]) -> (String, Vec<u8>) {
    let request = request(stream).await.expect("a whole request");
    stream.write_all(reply).await.expect("the client reads");
    request
}

/// A reply with a `Date`, in milliseconds since 1970.
pub(crate) fn dated(date_ms: u64, body: &str) -> Vec<u8> {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(date_ms));
    format!("HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Authorises by a header `ts`, and notes what it saw.
#[derive(Default)]
pub(crate) struct Signer {
    pub seen: Mutex<Vec<(u64, Vec<u8>)>>,
}

impl Signer {
    pub(crate) fn times(&self) -> Vec<u64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(now_ms, _)| *now_ms).collect()
    }
}

impl Authorize for Signer {
    fn authorize(&self, attempt: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((attempt.now_ms, attempt.body.to_vec()));
        let mut headers = HeaderMap::new();
        headers.insert("ts", HeaderValue::from(attempt.now_ms));
        Ok(headers)
    }

    fn refused_for_clock(&self, reply: &Reply) -> bool {
        reply.body.windows(4).any(|four| four == b"1004")
    }
}

/// A wall clock that goes with tokio's, from `start_ms`.
pub(crate) fn wall_clock(start_ms: u64) -> impl Fn() -> u64 {
    let start = Instant::now();
    move || start_ms + u64::try_from(start.elapsed().as_millis()).expect("a short test")
}
