//! The hook for metrics: what each attempt cost and came to, without anything of its content.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use numcheck_protocol::Info;
use tracing::error;

use crate::Sent;
use crate::retry::AttemptOutcome;

/// Is told of every attempt; every `Fn(&AttemptReport<'_>)` is one. Set by [`ClientBuilder::observer`](crate::ClientBuilder::observer).
///
/// It runs on the task of the call, between the reply and whoever waits for it: count, and return. One that panics costs no
/// reply: the panic is caught and logged.
pub trait Observer: Send + Sync + 'static {
    /// Notes one attempt.
    fn attempt(&self, report: &AttemptReport<'_>);
}

impl<F: Fn(&AttemptReport<'_>) + Send + Sync + 'static> Observer for F {
    fn attempt(&self, report: &AttemptReport<'_>) {
        self(report);
    }
}

/// One attempt of a call, as metrics want it: no URL, no header, no number. [`AttemptReport::elapsed`] is OpenTelemetry's
/// `http.client.request.duration`.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use numcheck_transport::{AttemptReport, Client};
///
/// let in_doubt = Arc::new(AtomicU64::new(0));
/// let counter = Arc::clone(&in_doubt);
/// let client = Client::builder("https://api2.nxcloud.com")
///     .observer(move |report: &AttemptReport<'_>| {
///         if report.is_in_doubt() {
///             counter.fetch_add(1, Ordering::Relaxed);
///         }
///     })
///     .build()?;
/// # Ok::<(), numcheck_transport::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AttemptReport<'a> {
    /// The endpoint.
    pub info: &'a Info,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// How many phone numbers the request carries.
    pub units: u32,
    /// The bytes of the request's body.
    pub request_bytes: usize,
    /// How long it waited for the rate limiter.
    pub waited: Duration,
    /// From the request to its reply, or to its failure.
    pub elapsed: Duration,
    /// Whether the platform got it.
    pub sent: Sent,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

impl AttemptReport<'_> {
    /// The HTTP status, where a complete reply came.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            AttemptOutcome::Replied { status, .. } => Some(status),
            AttemptOutcome::Failed(_) | AttemptOutcome::RefusedForClock { .. } => None,
        }
    }

    /// Whether it may have been carried out without a reply that says so, and must not be repeated.
    pub fn is_in_doubt(&self) -> bool {
        let failed = matches!(self.outcome, AttemptOutcome::Failed(_));
        failed && self.sent != Sent::No && self.info.repeat == numcheck_protocol::Repeat::Never
    }
}

/// Tells the observer. A panic of it must not unwind through a call whose reply may have been paid for.
pub(crate) fn tell(observer: &dyn Observer, report: &AttemptReport<'_>) {
    if catch_unwind(AssertUnwindSafe(|| observer.attempt(report))).is_err() {
        error!(endpoint = report.info.id, "the observer of attempts panicked");
    }
}
