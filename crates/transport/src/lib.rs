//! The one HTTP client of the family: hyper with limits that are always set, one retry loop, and an answer to
//! "was it sent?" in every failure.
//!
//! How a request is signed is injected ([`Authorize`]) and runs in every attempt. What costs money is not repeated once it may have
//! arrived. [`Client::call`] writes the request of an endpoint and reads its reply; [`Client::send`] knows bytes only.
//!
//! ```no_run
//! use numcheck_protocol::{Endpoint, number_check::Submit};
//! use numcheck_transport::{Call, Client, NoAuthorization, Sent};
//!
//! # async fn example(body: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://api2.nxcloud.com").proxy_from_env().build()?;
//!
//! match client.send(Call::new(&Submit::INFO).body(body).units(2000), &NoAuthorization).await {
//!     Ok(reply) => println!("{} with {} bytes", reply.status, reply.body.len()),
//!     Err(error) if error.sent() == Sent::No => println!("nothing happened: {error}"),
//!     Err(error) => println!("it may have been carried out, and must not be sent again: {error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is repeated
//!
//! One loop repeats, and one pure function, [`retry::decide`], says when: what surely was not sent is repeated; what
//! must not be repeated stops there; only then does the kind of the failure count. hyper-util's own re-sending is
//! off. A refusal because of the clock is repeated once, after the clock was corrected by the reply's `Date`.
//!
//! # What is confirmed
//!
//! A call may carry a [`Confirm`] ([`Call::confirm`]): it is awaited before every attempt is signed, with the time that
//! the attempt is signed with. What was not confirmed is not sent.
//!
//! # Dropping a call
//!
//! A future of [`Client::send`] that is dropped half-way may have sent its request: treat it as [`Sent::Maybe`]. [`SendError::cancelled`] is
//! the error to report then.
//!
//! # Features
//!
//! `tls` (default): https. `native-roots`: adds `Trust::platform()`. Without any: plain http only.

mod authorize;
mod base_url;
mod builder;
mod call;
mod call_error;
mod client;
mod clock;
mod confirm;
mod connect;
pub mod env;
mod error;
mod exchange;
mod limits;
mod many_calls;
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
pub use connect::trust::Trust;
pub use connect::{
    dial::{Address, Dial, Stream},
    proxy::Proxy,
};
pub use error::{SendError, SendErrorKind, Sent};
pub use limits::Limits;
pub use many_calls::{ManyCalls, UnderWay};
pub use pacing::RateLimits;
pub use reply::Reply;
pub use setup_error::SetupError;
pub use typed_reply::{TypedReply, quotable};
