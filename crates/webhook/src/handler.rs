//! What a receiver does with a push: the caller's side. A handler says whether the push is stored; the receiver chooses the status.

use std::fmt;
use std::future::Future;

use crate::push::Push;

/// Stores pushes. The platform is told 200 once [`Handler::store`] has returned `Ok`, and never sees that push again.
///
/// Any closure `Fn(Push) -> impl Future<Output = Result<(), NotStored>>` is a handler. An `Arc` of one is, too.
///
/// What an implementation must know:
/// - `Ok` promises that the push is durable: written and synced, not queued in memory. After `Ok` nothing brings it back.
/// - The same push comes again and again until it was answered, so storing it twice must be the same as storing it once.
/// - It is run to its end even when the platform hangs up, or when the time limit has passed and 503 was sent: it is never
///   cancelled half-way, except when the process ends.
/// - Whoever knows one URL can push anything into its batch. A handler may bound that: [`NotStored`] once a batch has too many strays, pushes
///   for phone numbers that it does not have, and `Ok` for whatever else comes. The platform is told 503, so a stray that was a result after
///   all comes again for an hour. Such a push closes no connection and exempts its peer from
///   [`ReceiverLimits::unauthenticated_per_peer`](crate::ReceiverLimits::unauthenticated_per_peer) like any other, since it has a valid capability.
/// - What cannot be read or names another batch ([`Push::read`]) is stored, too: it may be a result that was paid for.
///
/// ```
/// use std::io::Write;
/// use std::sync::Mutex;
/// use numcheck_webhook::{Handler, NotStored, Push};
///
/// struct ToFile(Mutex<std::fs::File>);
///
/// impl Handler for ToFile {
///     async fn store(&self, push: Push) -> Result<(), NotStored> {
///         let mut file = self.0.lock().map_err(|_| NotStored)?;
///         let written = file.write_all(push.raw()).and_then(|()| file.write_all(b"\n"));
///         written.and_then(|()| file.sync_data()).map_err(|_| NotStored)
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Makes the push durable.
    ///
    /// # Errors
    /// [`NotStored`] on any doubt, or where it does not want the push now: the platform is told 503 and comes back in a minute, for an hour.
    fn store(&self, push: Push) -> impl Future<Output = Result<(), NotStored>> + Send;
}

impl<F, Fut> Handler for F
where
    F: Fn(Push) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), NotStored>> + Send,
{
    fn store(&self, push: Push) -> impl Future<Output = Result<(), NotStored>> + Send {
        self(push)
    }
}

/// The push is not known to be durable, or the handler does not want it now. Nothing is lost: the platform will push it again.
///
/// It carries no cause. The handler knows what went wrong and what of it is safe to log, and database errors like to quote values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotStored;

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the push is not known to be stored; it was not acknowledged and will come again")
    }
}

impl std::error::Error for NotStored {}
