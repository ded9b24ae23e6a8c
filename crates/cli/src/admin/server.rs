//! Three pages over HTTP, to read only. Everything that a peer can take is bounded.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Watched, page};

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 64;
const BACKLOG: u32 = 64;
/// For the head of a request; and how long a connection may be idle, which is longer than most scrape intervals.
const HEAD_TIME: Duration = Duration::from_secs(75);
/// For a connection, however busy.
const CONNECTION_TIME: Duration = Duration::from_secs(600);
const MAX_HEAD_LEN: usize = 16 * 1024;
/// When the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted process must not wait for the connections of the old one to be forgotten.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, watched: Arc<Watched>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(timeout(CONNECTION_TIME, connection(stream, Arc::clone(&watched))));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, watched: Arc<Watched>) {
    // Should this fail, answers are merely slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let watched = Arc::clone(&watched);
        async move { Ok::<_, Infallible>(answer(&watched, &request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD_LEN)
        .serve_connection(TokioIo::new(stream), service);
    // A connection that ends badly ends all the same.
    let _ = served.await;
}

async fn answer(watched: &Watched, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "these pages are only read: GET or HEAD\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if watched.is_loopback && !is_under_own_names(request) {
        return text(
            StatusCode::MISDIRECTED_REQUEST,
            "on a loopback address it answers under an IP address, localhost or a name without a dot\n",
        );
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => match watched.readiness.check().await {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
        },
        "/metrics" => respond(StatusCode::OK, PROMETHEUS, page::metrics(watched).await),
        _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    respond(status, TEXT, body)
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether every host that a request names is one that no stranger can point here: a page in a browser on this machine would read the figures
/// under the stranger's name.
fn is_under_own_names<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    hosts.all(|host| host.to_str().is_ok_and(is_own_name))
        && request.uri().authority().is_none_or(|authority| is_own_name(authority.as_str()))
}

fn is_own_name(host: &str) -> bool {
    let host = host.trim();
    if host.is_empty() {
        return true;
    }
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
    ip.is_ok() || !name.contains('.') || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_stranger_can_point_here_is_not_answered() {
        for own in
            ["", "127.0.0.1:9090", "[::1]:9090", "localhost", "LOCALHOST.:1", "numcheck", "a.localhost"]
        {
            assert!(is_own_name(own), "{own}");
        }
        for strange in ["example.org", "127.0.0.1.example.org:9090", "a b", "localhost.example.org"] {
            assert!(!is_own_name(strange), "{strange}");
        }
    }
}
