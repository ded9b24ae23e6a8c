//! Receives the result pushes of NXCLOUD number check: whose a push is, whether it may come in, and 200 only once it is stored.
//!
//! No document says that the platform signs these pushes. So each batch gets a URL that nobody can guess, a [`Capability`]: its path carries the batch number and
//! a MAC over it under a key of the receiver. Any other path gets 404 and learns nothing.
//!
//! What holds everywhere in it:
//!
//! - 200 is answered only once the handler has said that the push is stored. A handler that has begun runs to its end.
//! - Nothing is refused for its content: a push that cannot be read, or names another batch, may have been paid for, and is handed over as such.
//! - No log line, error or `Debug` shows a capability, a key, a signature or a byte of a body.
//!
//! Where a push carries the headers of a signature, as the vendor's WhatsApp and DID pushes do, a [`PushVerifier`] checks them, and may require
//! them; without one they are ignored. Requests that you receive yourself are verified by [`numcheck_signing::verify_request`].
//!
//! Without features it is pure: [`ReceiverKey`], [`Gate`], [`PushVerifier`] and [`Push`] know no socket and no clock, and fit into any web
//! framework. The feature `server` adds `Receiver`, a service for hyper, tower and axum, and `Server`, a small server that
//! expects the internet to be hostile.
//!
//! ```no_run
//! # #[cfg(feature = "server")] async fn example(store: impl Fn(&[u8]) -> std::io::Result<()> + Clone + Send + Sync + 'static)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use numcheck_protocol::BatchNo;
//! use numcheck_webhook::{Gate, NotStored, Push, Receiver, ReceiverKey, Server};
//!
//! let key: ReceiverKey = std::fs::read_to_string("receiver.key")?.parse()?;
//! // For the submit: where the results of this batch shall go.
//! let dr_url = key.capability(&BatchNo::new("20220901")?).url("https://example.org")?;
//!
//! let handler = move |push: Push| {
//!     let store = store.clone();
//!     async move { store(push.raw()).map_err(|_| NotStored) }
//! };
//! let server = Server::bind("127.0.0.1:8080".parse()?)?;
//! server.serve(Receiver::new(Gate::new(key), handler), async { drop(tokio::signal::ctrl_c().await) }).await;
//! # Ok(()) }
//! ```

mod capability;
mod check;
#[cfg(feature = "server")]
mod handler;
mod key;
mod push;
#[cfg(feature = "server")]
mod server;
mod signature;

pub use capability::{Capability, PREFIX, UrlError};
pub use check::{Gate, Head, MAX_BODY_LEN, Rejection};
#[cfg(feature = "server")]
pub use handler::{Handler, NotStored};
pub use key::{KeyError, ReceiverKey};
pub use push::{Correlation, Push, Reading};
#[cfg(feature = "server")]
pub use server::{
    BindError, Closed, Counts, EmptyResponse, Ended, Receiver, ReceiverLimits, Server, serve_connection,
    serve_connection_from,
};
pub use signature::{BadSignature, PushVerifier, Verdict};
