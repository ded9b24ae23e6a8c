//! How a connection comes about: dial, proxy, TLS, in this order and within one time limit. Whatever fails here was never sent.

pub(crate) mod dial;
pub(crate) mod proxy;
#[cfg(feature = "tls")]
pub(crate) mod trust;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::{BoxError, SendErrorKind};
use dial::{Address, Dial, Stream};
use proxy::Route;

/// Opens connections to the one platform of a client, by a route that was fixed when the client was built.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) route: Arc<Route>,
    /// For the hop to an https proxy, which gets to see no client certificate.
    pub(crate) proxy_tls: Tls,
    pub(crate) tls: Tls,
    pub(crate) limit: Duration,
}

/// What makes TLS out of a stream.
#[cfg(feature = "tls")]
pub(crate) type Tls = tokio_rustls::TlsConnector;
/// TLS is not compiled in, and no client is built for https then.
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(crate) struct Tls;

impl Connector {
    async fn open(self, to: Uri) -> Result<Connection, NotConnected> {
        let way = Way::of(&self.route, &to);
        self.open_hops(to).await.map_err(|why| NotConnected { way, why })
    }

    async fn open_hops(self, to: Uri) -> Result<Connection, ConnectError> {
        let Self { dial, route, proxy_tls, tls, limit } = self;
        let hop_tls = if matches!(*route, Route::Direct) { tls.clone() } else { proxy_tls };
        let hop = Hop { dial, tls: hop_tls };
        let opening = async {
            let stream = match &*route {
                Route::Direct => hop.open(to.clone()).await?,
                Route::Forward(proxy) => hop.open(proxy.uri().clone()).await?,
                Route::Tunnel(proxy) => secure(&tls, &to, proxy.tunnel(hop, to.clone()).await?).await?,
            };
            Ok(Connection { stream: TokioIo::new(stream), forwarded: matches!(&*route, Route::Forward(_)) })
        };
        tokio::time::timeout(limit, opening).await.unwrap_or(Err(ConnectError::TimedOut(limit)))
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, NotConnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().open(to))
    }
}

/// One hop: to the platform itself or to a proxy, with TLS where its URL says https.
#[derive(Clone)]
pub(crate) struct Hop {
    dial: Arc<dyn Dial>,
    tls: Tls,
}

impl Hop {
    async fn open(self, to: Uri) -> Result<Stream, ConnectError> {
        let stream = self.dial.dial(Address::of(&to)).await.map_err(ConnectError::Dial)?;
        secure(&self.tls, &to, stream).await
    }
}

impl Service<Uri> for Hop {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let hop = self.clone();
        Box::pin(async { hop.open(to).await.map(TokioIo::new) })
    }
}

/// Adds TLS where the URL says https.
#[cfg(feature = "tls")]
async fn secure(tls: &Tls, to: &Uri, stream: Stream) -> Result<Stream, ConnectError> {
    if to.scheme() != Some(&http::uri::Scheme::HTTPS) {
        return Ok(stream);
    }
    let name = rustls::pki_types::ServerName::try_from(Address::of(to).host)
        .map_err(|error| ConnectError::Tls(io::Error::other(error)))?;
    let stream = tls.connect(name, stream).await.map_err(|error| {
        // A connection that broke is not a verdict on the certificate: it may hold the next time.
        let refused = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        if refused { ConnectError::Tls(error) } else { ConnectError::Dial(error) }
    })?;
    Ok(Stream::new(stream))
}

/// Nothing to add: no client is built for https without the feature `tls`.
#[cfg(not(feature = "tls"))]
async fn secure(_: &Tls, to: &Uri, stream: Stream) -> Result<Stream, ConnectError> {
    match to.scheme() == Some(&http::uri::Scheme::HTTPS) {
        true => Err(ConnectError::Dial(io::Error::from(io::ErrorKind::Unsupported))),
        false => Ok(stream),
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    Dial(io::Error),
    Proxy(BoxError),
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    Tls(io::Error),
    TimedOut(Duration),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(_) => f.write_str("no connection"),
            Self::Proxy(_) => f.write_str("the proxy gave no connection"),
            Self::Tls(_) => f.write_str("no TLS"),
            Self::TimedOut(limit) => write!(f, "no connection within {} ms", limit.as_millis()),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Dial(source) | Self::Tls(source) => Some(source),
            Self::Proxy(source) => Some(&**source),
            Self::TimedOut(_) => None,
        }
    }
}

impl ConnectError {
    pub(crate) fn kind(&self) -> SendErrorKind {
        match self {
            Self::Dial(_) => SendErrorKind::Connect,
            Self::Tls(_) => SendErrorKind::Tls,
            Self::TimedOut(_) => SendErrorKind::ConnectTimeout,
            // The hop to an https proxy may have failed for its certificate.
            Self::Proxy(source) => {
                match std::iter::successors(Some(&**source as _), |e| std::error::Error::source(*e))
                    .find_map(|e: &(dyn std::error::Error + 'static)| e.downcast_ref::<Self>())
                {
                    Some(inner) => inner.kind(),
                    None => SendErrorKind::Connect,
                }
            }
        }
    }
}

/// Which way a connection was to go: to the platform, by a proxy or not. Hosts and ports, and nothing else of a URL.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    to: Address,
    proxy: Option<Address>,
}

impl Way {
    fn of(route: &Route, to: &Uri) -> Self {
        let proxy = match route {
            Route::Direct => None,
            Route::Forward(proxy) | Route::Tunnel(proxy) => Some(Address::of(proxy.uri())),
        };
        Self { to: Address::of(to), proxy }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to)?;
        match &self.proxy {
            Some(proxy) => write!(f, " by the proxy {proxy}"),
            None => Ok(()),
        }
    }
}

/// There is no connection: where it was to go, and why.
#[derive(Debug)]
pub(crate) struct NotConnected {
    way: Way,
    why: ConnectError,
}

impl NotConnected {
    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    pub(crate) fn kind(&self) -> SendErrorKind {
        self.why.kind()
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for NotConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.why.source()
    }
}

/// A stream as hyper takes it.
pub(crate) struct Connection {
    stream: TokioIo<Stream>,
    forwarded: bool,
}

impl hyper_util::client::legacy::connect::Connection for Connection {
    fn connected(&self) -> hyper_util::client::legacy::connect::Connected {
        // A proxy that forwards plain http wants the whole URL in the request line.
        hyper_util::client::legacy::connect::Connected::new().proxy(self.forwarded)
    }
}

impl hyper::rt::Read for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
