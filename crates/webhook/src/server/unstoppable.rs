//! Work that runs to its end even if nobody waits: when the platform hangs up, hyper drops the request's future, and storing its push
//! would be dropped with it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work done by whoever waits for it; dropped before its end, it goes on in a task of its own. Nearly all work is waited for, and a task
/// for each would cost more than the rest of what is done here.
///
/// Resolves to `None` when the work has panicked.
pub(crate) struct Unstoppable<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send;

impl<F> Unstoppable<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    pub(crate) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F> Future for Unstoppable<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.0.as_mut() else { return Poll::Ready(None) };
        // What has panicked is never polled again, so nobody sees what it left half done.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Some(value),
            Err(_) => None,
        };
        self.0 = None;
        Poll::Ready(ended)
    }
}

impl<F> Drop for Unstoppable<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        // Without a runtime nothing can go on: it has ended.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
