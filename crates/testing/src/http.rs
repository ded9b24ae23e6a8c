//! Both ends of HTTP for the tests of clients: a front before a sandbox that records and may speak TLS, and a platform in memory that
//! answers what a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// An error with its whole chain, as a command would print it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text} <- {error}");
        source = error.source();
    }
    text
}

/// Everything that a program could print of an error.
pub fn all_of(error: &impl std::error::Error) -> String {
    format!("{error} {error:?} {error:#?} {}", chain(error))
}

/// A request as it stood on the wire.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its first line and its header fields, up to the empty line.
    pub head: String,
    /// Its body, as long as `content-length` says.
    pub body: Vec<u8>,
}

impl Seen {
    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Reads one request; `None` when the connection ended before a whole one.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("a head is ASCII");
    let mut body =
        vec![0; header(&head, "content-length").map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { head, body })
}

/// Stands before a sandbox, records what clients send, and speaks TLS where it has a certificate.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Front {
    /// Begins to listen at a free port.
    pub async fn start(to: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sent = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let records = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (records, tls) = (Arc::clone(&records), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => forward(stream, to, &records).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => forward(stream, to, &records).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, sent }
    }

    /// The requests so far, one connection after the other.
    pub async fn requests(&self) -> Vec<Seen> {
        let sent = self.sent.lock().expect("no panic").clone();
        let mut requests = Vec::new();
        for bytes in &sent {
            let mut bytes = bytes.as_slice();
            while let Some(request) = read(&mut bytes).await {
                requests.push(request);
            }
        }
        requests
    }
}

async fn forward(
    stream: impl AsyncRead + AsyncWrite,
    to: SocketAddr,
    records: &Mutex<Vec<Vec<u8>>>,
) -> Option<()> {
    let place = {
        let mut records = records.lock().expect("no panic");
        records.push(Vec::new());
        records.len() - 1
    };
    let (mut from_client, mut to_client) = tokio::io::split(stream);
    let (mut from_platform, mut to_platform) = TcpStream::connect(to).await.ok()?.into_split();
    let up = async {
        let mut buffer = [0; 4096];
        loop {
            let read = from_client.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            records.lock().expect("no panic")[place].extend_from_slice(&buffer[..read]);
            to_platform.write_all(&buffer[..read]).await.ok()?;
        }
    };
    let down = tokio::io::copy(&mut from_platform, &mut to_client);
    tokio::select! {
        done = up => done,
        done = down => done.ok().map(drop),
    }
}

/// The platform's side of connections in memory: a test takes each request and answers it.
#[derive(Debug)]
pub struct MockPlatform(mpsc::UnboundedReceiver<MockRequest>);

/// A request that waits for its answer.
#[derive(Debug)]
pub struct MockRequest {
    /// What the client wrote.
    pub seen: Seen,
    /// When it was complete.
    pub at: Instant,
    answer: oneshot::Sender<Answer>,
}

/// What to write, and whether the connection stays.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
    stays: bool,
}

impl MockRequest {
    /// Answers with 200 and this body.
    pub fn answer(self, body: impl AsRef<[u8]>) {
        self.answer_with("200 OK", "", body);
    }

    /// Answers with this status, these header lines (each ended by CR LF) and this body.
    pub fn answer_with(self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        // A client that is gone needs no answer.
        let _ = self.answer.send(Answer { bytes: [head.as_bytes(), body].concat(), stays: true });
    }

    /// Closes the connection in the middle of an answer.
    pub fn break_off(self) {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"code\":0".to_vec();
        let _ = self.answer.send(Answer { bytes, stays: false });
    }

    /// Closes the connection without an answer.
    pub fn hang_up(self) {}
}

impl MockPlatform {
    /// The next request.
    pub async fn request(&mut self) -> MockRequest {
        self.0.recv().await.expect("a request")
    }

    /// The requests that wait for an answer, once nothing moves any more. Wants a paused clock: it moves only then.
    pub async fn waiting(&mut self) -> Vec<MockRequest> {
        // why-sleep: a paused clock moves when every task waits, and only then.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let mut waiting = Vec::new();
        while let Ok(request) = self.0.try_recv() {
            waiting.push(request);
        }
        waiting
    }
}

/// A platform in memory, and what connects to it.
pub fn in_memory() -> (impl Fn() -> DuplexStream + Clone + Send + Sync + 'static, MockPlatform) {
    let (send, requests) = mpsc::unbounded_channel();
    let connect = move || {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        let send = send.clone();
        tokio::spawn(async move {
            while let Some(seen) = read(&mut theirs).await {
                let (answer, answered) = oneshot::channel();
                if send.send(MockRequest { seen, at: Instant::now(), answer }).is_err() {
                    return;
                }
                let Ok(Answer { bytes, stays }) = answered.await else { return };
                if theirs.write_all(&bytes).await.is_err() || !stays {
                    return;
                }
            }
        });
        ours
    };
    (connect, MockPlatform(requests))
}
