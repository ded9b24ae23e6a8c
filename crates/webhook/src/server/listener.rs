//! A listening socket that serves a [`Receiver`] until it is told to stop, whatever its peers do.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::handler::Handler;
use crate::server::connection::serve_admitted;
use crate::server::limits::ReceiverLimits;
use crate::server::receiver::Receiver;

/// How long to wait after the system could not accept, which mostly means that it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How soon to look again for a connection that can make room, where none could.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket. Connections queue up from here on, and are answered once [`Server::serve`] runs.
///
/// It speaks plain HTTP/1.1: put a proxy with TLS before it, or use [`serve_connection_from`](crate::serve_connection_from) with a TLS stream. Without TLS, whoever
/// reads along learns the capability and the results.
///
/// ```
/// use numcheck_webhook::{Gate, NotStored, Push, Receiver, ReceiverKey, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate = Gate::new(ReceiverKey::from_bytes(&[7; 32])?);
/// let handler = |_: Push| async { Err(NotStored) }; // nothing is acknowledged before it is stored
/// let server = Server::bind("127.0.0.1:0".parse()?)?;
/// println!("listening on {}", server.local_addr());
///
/// let stop = async {}; // at once; a service waits for its signal here
/// let closed = server.serve(Receiver::new(gate, handler), stop).await;
/// assert_eq!((closed.connections, closed.stores), (0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens. Port 0 lets the system choose; see [`Server::local_addr`]. Needs a Tokio runtime.
    ///
    /// # Errors
    /// When the system refuses the address.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listen = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // A restarted receiver must not wait for the connections of the old one to be forgotten.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(ReceiverLimits::BACKLOG)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        listen().map_err(|source| BindError { address, source })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves; then accepts no more, lets what is in flight come to its end within [`ReceiverLimits::stop_time`], and
    /// returns.
    pub async fn serve<H: Handler>(self, receiver: Receiver<H>, stop: impl Future<Output = ()>) -> Closed {
        let limits = *receiver.limits();
        let mut connections = JoinSet::new();
        let (stopping, stopped) = watch::channel(());
        let mut stop = pin!(stop);
        let mut full = false;
        loop {
            let room = connections.len() < limits.connections;
            if !room && !full {
                receiver.counters().full.add();
            }
            full = !room;
            if full {
                receiver.peers().make_room(Instant::now());
            }
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = self.listener.accept(), if room => match accepted {
                    Ok((stream, peer)) => {
                        receiver.counters().connections.add();
                        // Answers are one small write each: waiting to join them with more only delays them.
                        let _ = stream.set_nodelay(true);
                        let admission = receiver.peers().admit(peer.ip(), Instant::now());
                        let receiver = receiver.clone();
                        let mut stopped = stopped.clone();
                        connections.spawn(async move {
                            let stop = async { drop(stopped.changed().await) };
                            serve_admitted(&receiver, stream, admission, stop).await;
                        });
                    }
                    Err(_) => {
                        receiver.counters().accept_failed.add();
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                () = sleep(ROOM_PAUSE), if full => {}
            }
        }
        drop(self.listener);
        drop(stopping);
        let deadline = Instant::now() + limits.stop_time;
        let finished = timeout_at(deadline, async {
            while connections.join_next().await.is_some() {}
            receiver.idle().await;
        })
        .await;
        match finished {
            Ok(()) => Closed { connections: 0, stores: 0 },
            Err(_) => Closed { connections: connections.len(), stores: receiver.running() },
        }
    }
}

/// What was still there when [`Server::serve`] returned; all zero where everything came to its end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Connections that were cut.
    pub connections: usize,
    /// Handlers that are still running. They run on as long as the runtime does; their pushes were not acknowledged and will
    /// come again.
    pub stores: usize,
}

/// The system does not let the receiver listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: is the port taken, reserved, or the address not this machine's?")]
#[non_exhaustive]
pub struct BindError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}
