//! Stopping a job on request, without losing what was paid for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Whether somebody asked to stop. Clones share the answer.
///
/// ```
/// let cancel = numcheck_bulk::Cancel::new();
/// let shared = cancel.clone();
/// assert!(!cancel.is_cancelled());
/// shared.cancel();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Debug)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// Nobody has asked so far.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks: nothing more is sent. How long requests that are on their way are waited for is decided by whoever has sent them.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once somebody asked.
    pub async fn cancelled(&self) {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }

    /// The outcome of `work`; `None` once somebody asked, and then `work` is dropped, wherever it is.
    pub async fn race<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.is_cancelled() {
            return None;
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.cancelled() => None,
        }
    }

    /// The outcome of `work`, which gets `grace` more once somebody asked; `None` when that is over, and then `work` is dropped.
    pub async fn race_with_grace<T>(&self, grace: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = async { self.cancelled().await; tokio::time::sleep(grace).await } => None,
        }
    }
}
