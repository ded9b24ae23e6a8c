//! The transport as its users meet it. One binary, because each one more costs a link.
//!
//! Time is tokio's paused clock over in-memory streams; only `tcp` and one test of `proxy` open sockets, on loopback.

mod attempts;
mod building;
mod clock;
mod confirming;
mod connections;
mod hooks;
mod leaks;
mod pacing;
mod proxy;
mod retry_rule;
mod support;
mod tcp;
mod time_limits;
#[cfg(feature = "tls")]
mod tls;
