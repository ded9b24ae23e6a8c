//! How a caller stores that an attempt is about to be signed, or stops it.

use std::fmt;
use std::pin::Pin;

use crate::{Attempt, BoxError};

/// A future on the heap that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Confirms an attempt before it is signed; every `Fn(Attempt<'_>) -> impl Future` is one.
///
/// For callers who must know later what may have been sent: they store [`Attempt::now_ms`], which is the very time
/// that the attempt is then signed with, or refuse because the call is no longer theirs.
///
/// ```
/// use std::sync::Arc;
/// use numcheck_protocol::{Endpoint, number_check::Submit};
/// use numcheck_transport::{Attempt, Call};
///
/// # async fn claim_is_still_mine(_: u64) -> bool { true }
/// let call = Call::new(&Submit::INFO).confirm(Arc::new(|attempt: Attempt<'_>| {
///     let ts = attempt.now_ms;
///     async move { if claim_is_still_mine(ts).await { Ok(()) } else { Err("the claim was revoked".into()) } }
/// }));
/// ```
pub trait Confirm: Send + Sync {
    /// Confirms one attempt. Runs before every attempt of a call, after all waits and before signing.
    ///
    /// It is dropped when the call's total time is over; then nothing of the attempt is sent, even if the
    /// confirmation was stored.
    ///
    /// # Errors
    ///
    /// Ends the call with [`SendErrorKind::NotConfirmed`](crate::SendErrorKind::NotConfirmed); nothing of the attempt is sent.
    /// The text must hold no secret.
    fn confirm<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<F, R> Confirm for F
where
    F: Fn(Attempt<'_>) -> R + Send + Sync,
    R: Future<Output = Result<(), BoxError>> + Send + 'static,
{
    fn confirm<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self(attempt))
    }
}

impl fmt::Debug for dyn Confirm + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirm")
    }
}
