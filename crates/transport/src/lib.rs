#![doc = include_str!("../README.md")]

mod authorize;
mod base_url;
mod builder;
mod call;
mod call_error;
mod client;
mod clock;
#[cfg(feature = "encodings")]
mod coding;
mod confirm;
mod connect;
pub mod env;
mod error;
mod exchange;
mod glimpse;
mod limits;
mod many_calls;
mod observe;
mod options;
pub mod pacing;
mod reply;
pub mod retry;
mod setup_error;
mod typed_reply;

/// The crate whose statuses and headers a [`Reply`] holds.
pub use http;

pub use authorize::{Attempt, Authorize, BoxError, NoAuthorization};
pub use base_url::{canonical_base_url, is_loopback};
pub use builder::{BuildError, ClientBuilder};
pub use call::Call;
pub use call_error::{CallError, CallErrorKind};
pub use client::Client;
pub use clock::TimeSource;
pub use confirm::{BoxFuture, Confirm};
#[cfg(feature = "tls")]
pub use connect::trust::{ClientCertificate, Trust};
pub use connect::{
    dial::{Address, Dial, Stream},
    proxy::Proxy,
};
pub use error::{SendError, SendErrorKind, Sent};
pub use limits::Limits;
pub use many_calls::{ManyCalls, UnderWay};
pub use observe::{AttemptReport, Observer};
pub use options::CallOptions;
pub use pacing::{RateLimiter, RateLimits};
pub use reply::Reply;
pub use retry::RetryPolicy;
pub use setup_error::SetupError;
pub use typed_reply::{TypedReply, quotable};
