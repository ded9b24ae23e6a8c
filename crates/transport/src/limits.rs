//! The limits of a client, all of them always set.

use std::time::Duration;

/// What a client will wait for, read and keep at most.
///
/// ```
/// use numcheck_transport::Limits;
///
/// let mut limits = Limits::default();
/// limits.body_bytes = 8 << 20;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Name look-up, TCP, proxy and TLS together, for one connection. Default 10 s.
    pub connect: Duration,
    /// From the moment a connection has the request until the head of the reply is complete. Default 30 s.
    pub response: Duration,
    /// One call with all its attempts, pauses and the reading of the reply; time spent waiting for the rate
    /// limiter does not count. Default 60 s.
    pub total: Duration,
    /// How long a call may wait for the rate limiter before each attempt. Default 5 minutes.
    pub rate_wait: Duration,
    /// The largest body of a reply, in bytes. Default 16 MiB: a submit of 5000 numbers may be answered with as many refused ones.
    pub body_bytes: usize,
    /// The largest head (status line and at most 100 headers) of a reply, in bytes; less than 8 KiB is taken as
    /// 8 KiB. Default 64 KiB.
    pub head_bytes: usize,
    /// How long an unused connection is kept. Default 50 s, less than the minute that many servers allow.
    pub idle: Duration,
    /// How many unused connections are kept; 0 keeps none. Default 64.
    pub idle_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            response: Duration::from_secs(30),
            total: Duration::from_secs(60),
            rate_wait: Duration::from_secs(300),
            body_bytes: 16 << 20,
            head_bytes: 64 << 10,
            idle: Duration::from_secs(50),
            idle_connections: 64,
        }
    }
}
