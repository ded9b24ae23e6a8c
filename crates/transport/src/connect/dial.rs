//! The lowest step of a connection: bytes to a host and a port, below TLS and proxies. Tests and users replace it to run without a network.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

/// Opens byte streams; every `Fn(Address) -> Future<Output = io::Result<Stream>>` is one.
///
/// ```
/// use numcheck_transport::{Address, Client, Stream};
///
/// let client = Client::builder("http://localhost").dial(|to: Address| async move {
///     assert_eq!((to.host.as_str(), to.port), ("localhost", 80));
///     let (ours, theirs) = tokio::io::duplex(1024);
///     drop(theirs); // or hand it to a server in memory
///     Ok(Stream::new(ours))
/// });
/// ```
pub trait Dial: Send + Sync + 'static {
    /// Opens a stream to `to`: the platform, or the proxy on the way.
    fn dial(&self, to: Address) -> Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;
}

impl<F, Fut> Dial for F
where
    F: Fn(Address) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<Stream>> + Send + 'static,
{
    fn dial(&self, to: Address) -> Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>> {
        Box::pin(self(to))
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Address {
    /// A name or an IP address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    pub(crate) fn of(uri: &Uri) -> Self {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let default = match uri.scheme_str() {
            Some("socks5" | "socks5h") => 1080,
            _ if uri.scheme() == Some(&Scheme::HTTPS) => 443,
            _ => 80,
        };
        Self { host, port: uri.port_u16().unwrap_or(default) }
    }
}

impl fmt::Display for Address {
    /// As in a URL: `example.org:443`, `[::1]:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// An open byte stream of any kind.
pub struct Stream(Pin<Box<dyn Io>>);

trait Io: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

impl Stream {
    /// Takes any stream.
    pub fn new(io: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self(Box::pin(io))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write_vectored(cx, bufs)
    }
}

/// TCP through the operating system's resolver; tries IPv6 and IPv4 side by side.
#[derive(Clone, Debug)]
pub(crate) struct Tcp(HttpConnector);

impl Tcp {
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A request is small and waits for its reply: never hold back its last bytes.
        tcp.set_nodelay(true);
        Self(tcp)
    }
}

impl Dial for Tcp {
    fn dial(&self, to: Address) -> Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>> {
        let mut tcp = self.0.clone();
        Box::pin(async move {
            let Address { host, port } = to;
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let uri = Uri::try_from(format!("http://{host}:{port}/")).map_err(io::Error::other)?;
            let stream = tcp.call(uri).await.map_err(io::Error::other)?;
            Ok(Stream::new(stream.into_inner()))
        })
    }
}
