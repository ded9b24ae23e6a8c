//! What the tests share: clients of a sandbox, a front before it that records and may speak TLS, and a platform in memory that
//! answers what a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use numcheck_qxt::protocol::{ApiKey, qxt::Mobile};
use numcheck_qxt::transport::{Address, Dial, Stream};
use numcheck_qxt::{CallError, Client, ClientBuilder};
use numcheck_sandbox::Sandbox;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

/// A client of the sandbox's first account.
pub(crate) fn builder(sandbox: &Sandbox) -> ClientBuilder {
    builder_with(sandbox.qxt_api_key()).base_url(sandbox.qxt_url())
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().expect("a client")
}

/// The same with a key alone.
pub(crate) fn builder_with(key: &str) -> ClientBuilder {
    Client::builder(ApiKey::new(key).expect("a key"))
}

pub(crate) fn mobile(digits: &str) -> Mobile {
    Mobile::new(digits).expect("a mobile number")
}

/// So many numbers.
pub(crate) fn mobiles(count: usize) -> Vec<Mobile> {
    (0..count).map(|at| mobile(&(13_800_500_000_u64 + at as u64).to_string())).collect()
}

/// The key of clients in memory.
pub(crate) const KEY: &str = "canary00qxt0api0key0canary00qxt0";

/// An error with its whole chain, as a command would print it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text} <- {error}");
        source = error.source();
    }
    text
}

/// Everything that a program could print of an error.
pub(crate) fn all_of(error: &CallError) -> String {
    format!("{error} {error:?} {error:#?} {}", chain(error))
}

/// A request as it stood on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// A header's value, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
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
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Front {
    pub(crate) async fn start(to: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
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
    pub(crate) async fn requests(&self) -> Vec<Seen> {
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
pub(crate) struct Platform(mpsc::UnboundedReceiver<Request>);

/// A request that waits for its answer.
pub(crate) struct Request {
    pub(crate) seen: Seen,
    answer: oneshot::Sender<Vec<u8>>,
}

impl Request {
    /// Answers with 200 and this body.
    pub(crate) fn answer(self, body: impl AsRef<[u8]>) {
        self.answer_with("200 OK", "", body);
    }

    /// Answers with this status, these header lines (each ended by CR LF) and this body.
    pub(crate) fn answer_with(self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        // A client that is gone needs no answer.
        let _ = self.answer.send([head.as_bytes(), body].concat());
    }

    /// Closes the connection without an answer.
    pub(crate) fn hang_up(self) {}
}

impl Platform {
    pub(crate) async fn request(&mut self) -> Request {
        self.0.recv().await.expect("a request")
    }

    /// The requests that wait for an answer, once nothing moves any more. Wants a paused clock: it moves only then.
    pub(crate) async fn waiting(&mut self) -> Vec<Request> {
        // why-sleep: a paused clock moves when every task waits, and only then.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let mut waiting = Vec::new();
        while let Ok(request) = self.0.try_recv() {
            waiting.push(request);
        }
        waiting
    }
}

/// A platform in memory, and the way to it.
pub(crate) fn in_memory() -> (impl Dial, Platform) {
    let (send, requests) = mpsc::unbounded_channel();
    let dial = move |_: Address| {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        let send = send.clone();
        tokio::spawn(async move {
            while let Some(seen) = read(&mut theirs).await {
                let (answer, answered) = oneshot::channel();
                if send.send(Request { seen, answer }).is_err() {
                    return;
                }
                let Ok(bytes) = answered.await else { return };
                if theirs.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        async move { Ok(Stream::new(ours)) }
    };
    (dial, Platform(requests))
}

/// A client of a platform in memory, and the platform.
pub(crate) fn client_in_memory(get: bool) -> (Client, Platform) {
    let (dial, platform) = in_memory();
    let builder = builder_with(KEY).base_url("http://localhost").get(get);
    (builder.transport(|transport| transport.dial(dial)).build().expect("a client"), platform)
}
