//! Every bound of the receiver. Each can be set, none switched off.

use std::time::Duration;

/// The bounds of a receiver. Change what must differ: `ReceiverLimits { connections: 64, ..ReceiverLimits::default() }`. A time above a day counts as a
/// day, a number above a million as a million, and a number of 0 as 1.
///
/// Memory stays below about `connections` × (16 KiB of head + 64 KiB of body).
///
/// ```
/// use std::time::Duration;
/// use numcheck_webhook::ReceiverLimits;
///
/// let limits = ReceiverLimits { connections: 64, store_time: Duration::from_secs(5), ..ReceiverLimits::default() };
/// assert_eq!(limits.stores, 256);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverLimits {
    /// Open connections; further ones wait to be accepted. 1024.
    pub connections: usize,
    /// Open connections of one peer on which no push has been let in, beyond which the oldest are closed after [`ReceiverLimits::grace_time`]. 8. A
    /// peer is an IPv4 address or the /64 of an IPv6 address.
    ///
    /// Without this, one address that opens connections and says nothing could hold all of [`ReceiverLimits::connections`]. It must never turn away a
    /// push, though, and neither the peer nor a new connection tells whether a push comes: behind a proxy everybody has one address, valid
    /// and invalid requests share its connections, and a platform may open many at once. So:
    ///
    /// - No connection is refused when it comes, and none is closed without its grace time to present a capability. Once it has presented
    ///   one, this limit does not touch it any more, even while the body is still on its way.
    /// - The oldest go first: what has been silent for long is the least likely to carry a push.
    /// - A request that is not let in (404, 405, 415, 413, 400, 408, 401) closes its connection, which the answer announces; so the pool of a
    ///   proxy holds only connections on which a push was let in, and those may carry invalid requests, too.
    /// - A peer is exempt while a push was let in on one of its open connections, and for [`ReceiverLimits::trust_time`] after that. One push is
    ///   enough, so even a platform that opens a thousand connections at once is exempt as soon as the first one's push is read.
    /// - When all of [`ReceiverLimits::connections`] are taken, silent connections make room: first those of the peer without trust that holds too many
    ///   and the most, with no grace if it had some closed already; else the one that has been silent for longest, exempt peers
    ///   included.
    ///
    /// So a push is cut off only if its head takes longer than the grace time while its address has no trust or all places are taken, or if
    /// its own address, without trust, floods the server faster than heads are read.
    ///
    /// Who knows one URL is not bounded by this: see [`NotStored`](crate::NotStored).
    pub unauthenticated_per_peer: usize,
    /// Handlers that run at once; further pushes wait, within [`ReceiverLimits::store_time`]. 256.
    pub stores: usize,
    /// For the head of a request to arrive, and for an idle connection to stay open. 75 s: a load balancer that keeps idle connections for a minute would push into one that is
    /// just being closed.
    pub head_time: Duration,
    /// For a connection beyond [`ReceiverLimits::unauthenticated_per_peer`] to present a capability. 2 s.
    pub grace_time: Duration,
    /// How long a peer is exempt from [`ReceiverLimits::unauthenticated_per_peer`] after its last connection with a push that was let in. 1 hour.
    pub trust_time: Duration,
    /// For the body to arrive, once the head has. 10 s.
    pub body_time: Duration,
    /// For the handler, from the whole body to its answer; 503 after that. 10 s. The platform's own limit is not documented.
    pub store_time: Duration,
    /// For a connection, however busy; then it is closed between two requests. 10 minutes.
    pub connection_time: Duration,
    /// For what is in flight when the server is told to stop. 30 s.
    pub stop_time: Duration,
}

impl ReceiverLimits {
    /// The most bytes of a request's head, request line included; 431 above.
    pub const MAX_HEAD_LEN: usize = 16 * 1024;
    /// The most header fields; 431 above.
    pub const MAX_FIELDS: usize = 64;
    /// How many connections the kernel may hold that are not accepted yet.
    pub const BACKLOG: u32 = 1024;

    /// The same within what any receiver can need, so that no sum of these overflows.
    pub(crate) fn bounded(self) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        const MILLION: usize = 1_000_000;
        Self {
            connections: self.connections.clamp(1, MILLION),
            unauthenticated_per_peer: self.unauthenticated_per_peer.clamp(1, MILLION),
            stores: self.stores.clamp(1, MILLION),
            head_time: self.head_time.min(DAY),
            grace_time: self.grace_time.min(DAY),
            trust_time: self.trust_time.min(DAY),
            body_time: self.body_time.min(DAY),
            store_time: self.store_time.min(DAY),
            connection_time: self.connection_time.min(DAY),
            stop_time: self.stop_time.min(DAY),
        }
    }

    /// The longest that one request can take on its own, plus as much as its answer may need to be written.
    pub(crate) fn request_time(&self) -> Duration {
        self.head_time
            .saturating_add(self.body_time)
            .saturating_add(self.store_time)
            .saturating_add(self.head_time)
    }
}

impl Default for ReceiverLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            unauthenticated_per_peer: 8,
            stores: 256,
            head_time: Duration::from_secs(75),
            grace_time: Duration::from_secs(2),
            trust_time: Duration::from_secs(3600),
            body_time: Duration::from_secs(10),
            store_time: Duration::from_secs(10),
            connection_time: Duration::from_secs(600),
            stop_time: Duration::from_secs(30),
        }
    }
}
