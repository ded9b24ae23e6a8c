//! Accepts connections on one port; bounds their number and the time for a request's head.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use numcheck_protocol::Platform;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::handle::{Held, handle};
use crate::state::Shared;

/// tokio's own 128 make 256 connections at once wait a second.
const BACKLOG: u32 = 1024;
/// The most connections at a time; more wait in the backlog.
const MOST_CONNECTIONS: usize = 2048;
/// How long a connection may be idle, or take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(75);
/// The longest head of a request.
const HEAD_LIMIT: usize = 64 * 1024;
/// How long to wait before the port is tried again, when it could not be had or a connection could not be accepted.
const BREATHER: Duration = Duration::from_millis(20);

/// Listens on an address; port 0 is any free one.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a port can be had again right after it was given up.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves a port until it is dropped, and its connections with it.
pub(crate) async fn run(shared: Arc<Shared>, platform: Platform, listener: TcpListener, address: SocketAddr) {
    let mut listener = Some(listener);
    let mut refusal = shared.watch_refusal();
    let mut connections = JoinSet::new();
    loop {
        if *refusal.borrow_and_update() {
            listener = None;
            connections.shutdown().await;
            if refusal.wait_for(|refuse| !refuse).await.is_err() {
                return;
            }
        }
        let Some(open) = &listener else {
            listener = bind(address).ok();
            if listener.is_none() {
                tokio::time::sleep(BREATHER).await;
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, peer)) => { connections.spawn(serve(Arc::clone(&shared), platform, stream, peer)); }
                // Too many open files, say: it may pass.
                Err(_) => tokio::time::sleep(BREATHER).await,
            },
            Some(_) = connections.join_next() => {}
            _ = refusal.changed() => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, platform: Platform, stream: TcpStream, peer: SocketAddr) {
    // Answers are small and wanted at once; should this fail, they are merely slower.
    let _ = stream.set_nodelay(true);
    let held = Held::default();
    let service = service_fn(|request| handle(&shared, platform, peer.ip(), &held, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    // A connection that ends badly ends all the same; whatever was asked on it stands in the journal.
    let _ = connection.await;
    let mut held = held.into_inner().unwrap_or_else(PoisonError::into_inner);
    while held.join_next().await.is_some() {}
}
