//! When is a request repeated, and after how long? The one place that says so, as a pure function: time and randomness are arguments.

use std::time::Duration;

use numcheck_protocol::Repeat;

use crate::{SendErrorKind, Sent};

/// How often a call is repeated, and after which pauses. *Whether* it may be is no policy: what costs money is not repeated once it may
/// have arrived.
///
/// ```
/// use std::time::Duration;
/// use numcheck_transport::{Client, RetryPolicy};
///
/// let mut patient = RetryPolicy::default();
/// patient.attempts = 6;
/// patient.backoff_max = Duration::from_secs(30);
/// let client = Client::builder("http://127.0.0.1:8080").retry(patient).build()?;
/// # Ok::<(), numcheck_transport::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many attempts a call may make; 0 is taken as 1. The one repeat after a refusal because of the clock
    /// comes on top. Default 3.
    pub attempts: u32,
    /// The pause before the second attempt is at most this long, before the third twice as long, and so on. Default 200 ms.
    pub backoff_base: Duration,
    /// No pause is longer, unless the platform asks for more by `Retry-After`. Default 10 s.
    pub backoff_max: Duration,
    /// A platform that asks for a longer pause than this is not asked again within the call. Default 30 s.
    pub retry_after_max: Duration,
}

impl RetryPolicy {
    /// One attempt, for callers who repeat by themselves.
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The pause after attempt number `attempt`: exponential, with full jitter, so that many clients do not come back
    /// in step. `random` is any number.
    ///
    /// ```
    /// use numcheck_transport::RetryPolicy;
    ///
    /// let policy = RetryPolicy::default();
    /// assert!((1..20).all(|attempt| policy.backoff(attempt, 4) <= policy.backoff_max));
    /// ```
    pub fn backoff(&self, attempt: u32, random: u64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let ceiling = self.backoff_base.saturating_mul(1 << doublings).min(self.backoff_max);
        // The product would not fit for pauses of centuries.
        let nanos = (ceiling.as_nanos().min(u128::from(u64::MAX)) * u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff_base: Duration::from_millis(200),
            backoff_max: Duration::from_secs(10),
            retry_after_max: Duration::from_secs(30),
        }
    }
}

/// A clock that was off by less was not what the platform refused: `Date` itself is only good to a second.
pub const MIN_CORRECTION_MS: u64 = 2_000;

/// Everything the decision depends on. Closed, so that a test can write one down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Whether the platform got this attempt.
    pub sent: Sent,
    /// Whether the endpoint allows a repeat whose first may have arrived.
    pub repeat: Repeat,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// What came of this attempt.
    pub outcome: AttemptOutcome,
    /// How much of the call's total time is left.
    pub left: Duration,
    /// Any number: it scatters the pauses of many clients.
    pub random: u64,
}

/// What came of an attempt. Closed: there is no fourth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// No reply that could be read.
    Failed(SendErrorKind),
    /// A complete reply.
    Replied {
        /// The HTTP status.
        status: u16,
        /// How long the platform asks to wait.
        retry_after: Option<Duration>,
    },
    /// A complete reply that refuses the request because of its timestamp; it did nothing.
    RefusedForClock {
        /// By how much the reply's `Date` would correct the time that was signed.
        correction_ms: u64,
        /// Whether this call was corrected before.
        corrected_before: bool,
    },
}

/// What to do after an attempt. Closed: there is no third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Hand the outcome to the caller.
    Stop,
    /// Wait as long, and try again.
    RetryAfter(Duration),
}

/// Decides what follows an attempt.
///
/// The questions, in their order: Was it refused because of the clock, and does a correction change anything? Then
/// once more, at once. Is any attempt left, and can a repeat meet anything else? Was it surely not sent? Repeat. May
/// it not be repeated? Stop. Only then: is it a failure, or a status (429, 500, 502, 503, 504), that passes with
/// time? Never later than the call's total time.
///
/// ```
/// use std::time::Duration;
/// use numcheck_protocol::Repeat;
/// use numcheck_transport::retry::{AttemptOutcome, Decision, Situation, decide};
/// use numcheck_transport::{RetryPolicy, SendErrorKind, Sent};
///
/// let policy = RetryPolicy::default();
/// let lost = Situation {
///     sent: Sent::Maybe,
///     repeat: Repeat::Never,
///     attempt: 1,
///     outcome: AttemptOutcome::Failed(SendErrorKind::Lost),
///     left: Duration::from_secs(50),
///     random: 7,
/// };
/// assert_eq!(decide(&policy, &lost), Decision::Stop); // it may have been paid for
/// assert!(matches!(decide(&policy, &Situation { repeat: Repeat::Safe, ..lost }), Decision::RetryAfter(_)));
/// ```
pub fn decide(policy: &RetryPolicy, situation: &Situation) -> Decision {
    let Situation { sent, repeat, attempt, outcome, left, random } = *situation;

    if let AttemptOutcome::RefusedForClock { correction_ms, corrected_before } = outcome {
        let again = !corrected_before && correction_ms >= MIN_CORRECTION_MS && !left.is_zero();
        return if again { Decision::RetryAfter(Duration::ZERO) } else { Decision::Stop };
    }
    if attempt >= policy.attempts || is_settled(outcome) {
        return Decision::Stop;
    }
    let surely_not_sent = sent == Sent::No;
    if !surely_not_sent && (repeat == Repeat::Never || !passes_with_time(outcome)) {
        return Decision::Stop;
    }

    let pause = match outcome {
        AttemptOutcome::Failed(SendErrorKind::Stale) => Duration::ZERO,
        AttemptOutcome::Replied { retry_after: Some(asked), .. } if asked > policy.retry_after_max => {
            return Decision::Stop;
        }
        AttemptOutcome::Replied { retry_after: Some(asked), .. } => {
            asked.max(policy.backoff(attempt, random))
        }
        _ => policy.backoff(attempt, random),
    };
    if pause < left { Decision::RetryAfter(pause) } else { Decision::Stop }
}

/// A repeat would meet the same again, however little was sent.
fn is_settled(outcome: AttemptOutcome) -> bool {
    use SendErrorKind::{Authorize, NotConfirmed, RateLimited, Request, Tls, TotalTimeout};
    matches!(
        outcome,
        AttemptOutcome::Failed(Request | Authorize | NotConfirmed | RateLimited | Tls | TotalTimeout)
    )
}

fn passes_with_time(outcome: AttemptOutcome) -> bool {
    use SendErrorKind::{Body, Lost, ResponseTimeout};
    match outcome {
        AttemptOutcome::Failed(kind) => matches!(kind, Lost | ResponseTimeout | Body),
        AttemptOutcome::Replied { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
        AttemptOutcome::RefusedForClock { .. } => false,
    }
}
