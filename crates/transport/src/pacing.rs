//! How many requests a second: the platforms' documented limits, kept per endpoint.
//!
//! The rule is pure and takes the time as an argument. The client sleeps before it signs, because a signature grows old.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use numcheck_protocol::{Info, Rate};
use tokio::time::Instant;

/// Which limits a client keeps to.
///
/// ```
/// use numcheck_transport::RateLimits;
///
/// let sandbox = RateLimits::off();
/// let mine = RateLimits::documented().without("number_check.submit");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RateLimits {
    off: bool,
    own: HashMap<String, Vec<Rate>>,
}

impl RateLimits {
    /// What the platform documents for each endpoint; the default.
    pub fn documented() -> Self {
        Self::default()
    }

    /// No limits: for a sandbox, or when another component keeps them.
    pub fn off() -> Self {
        Self { off: true, own: HashMap::new() }
    }

    /// Other limits for one endpoint, named by its id; the tightest that applies to a request comes first.
    pub fn with(mut self, endpoint: impl Into<String>, rates: impl Into<Vec<Rate>>) -> Self {
        self.own.insert(endpoint.into(), rates.into());
        self
    }

    /// No limit for one endpoint, named by its id.
    pub fn without(self, endpoint: impl Into<String>) -> Self {
        self.with(endpoint, [])
    }

    fn rate_for(&self, info: &Info, units: u32) -> Option<Rate> {
        match self.own.get(info.id) {
            Some(own) => own.iter().copied().find(|rate| rate.up_to.is_none_or(|most| units <= most)),
            None if self.off => None,
            None => info.rate_for(units),
        }
    }
}

/// The pace of one endpoint: requests at even distances, without bursts.
///
/// Two requests lie as far apart as the slower of their two limits wants. So a mix of small and large requests
/// keeps the limit of the small ones and that of the large ones, however the platform counts them.
///
/// ```
/// use std::time::Duration;
///
/// use numcheck_protocol::{Endpoint, number_check::Query};
/// use numcheck_transport::pacing::Pace;
///
/// let rate = Query::INFO.rate_for(1).expect("one query in 3 seconds");
/// let mut pace = Pace::default();
/// let (now, patience) = (Duration::ZERO, Duration::from_secs(10));
/// assert_eq!(pace.take(now, rate, patience)?, Duration::ZERO);
/// assert_eq!(pace.take(now, rate, patience)?, Duration::from_secs(3));
/// # Ok::<(), numcheck_transport::pacing::TooLong>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    last: Option<(Duration, Duration)>,
}

impl Pace {
    /// Takes the next place for a request under `rate`, and says how long to wait for it. `now` counts from any
    /// fixed moment.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when the wait would be longer than `max_wait`; then no place is taken.
    pub fn take(&mut self, now: Duration, rate: Rate, max_wait: Duration) -> Result<Duration, TooLong> {
        let interval = interval(rate);
        let start = match self.last {
            Some((last, its_interval)) => now.max(last.saturating_add(interval.max(its_interval))),
            None => now,
        };
        let wait = start.saturating_sub(now);
        if wait > max_wait {
            return Err(TooLong { wait });
        }
        self.last = Some((start, interval));
        Ok(wait)
    }
}

/// The wait for a place would be longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// How long it would be.
    pub wait: Duration,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the next place is free in {} ms", self.wait.as_millis())
    }
}

impl std::error::Error for TooLong {}

/// The paces of all endpoints. Cheap to clone; clients that are given clones keep the limits together, as those of one account in one
/// process must: the platform counts by account. Each client has one of its own otherwise.
///
/// Several processes are kept together by the store of `numcheck-bulk`.
///
/// ```
/// use numcheck_transport::{Client, RateLimiter, RateLimits};
///
/// let shared = RateLimiter::new(RateLimits::documented());
/// let direct = Client::builder("https://api2.nxcloud.com").rate_limiter(shared.clone()).build()?;
/// let by_proxy = Client::builder("https://api2.nxcloud.com").proxy_from_env().rate_limiter(shared).build()?;
/// # Ok::<(), numcheck_transport::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RateLimiter(Arc<Paces>);

struct Paces {
    limits: RateLimits,
    /// What the paces count from.
    started: Instant,
    places: Mutex<HashMap<&'static str, Places>>,
}

/// The places of one endpoint.
#[derive(Default)]
struct Places {
    pace: Pace,
    /// None is free before: a server has asked for a pause.
    held_until: Duration,
}

impl RateLimiter {
    /// A limiter that keeps these limits from now on.
    pub fn new(limits: RateLimits) -> Self {
        Self(Arc::new(Paces { limits, started: Instant::now(), places: Mutex::default() }))
    }

    pub(crate) fn take(&self, info: &Info, units: u32, max_wait: Duration) -> Result<Duration, TooLong> {
        let rate = self.0.limits.rate_for(info, units);
        self.with_places(info.id, |places, now| {
            let held = places.held_until.saturating_sub(now);
            if held > max_wait {
                return Err(TooLong { wait: held });
            }
            let Some(rate) = rate else { return Ok(held) };
            let paced = places.pace.take(now + held, rate, max_wait - held);
            paced.map(|wait| held + wait).map_err(|TooLong { wait }| TooLong { wait: held + wait })
        })
    }

    /// Gives no place of an endpoint away for so long.
    pub(crate) fn hold(&self, endpoint: &'static str, pause: Duration) {
        self.with_places(endpoint, |places, now| places.held_until = places.held_until.max(now + pause));
    }

    fn with_places<T>(&self, endpoint: &'static str, work: impl FnOnce(&mut Places, Duration) -> T) -> T {
        let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that places are handed out in the order of time.
        work(places.entry(endpoint).or_default(), self.0.started.elapsed())
    }
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self::new(RateLimits::documented())
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimiter").field(&self.0.limits).finish()
    }
}

/// Rounded up, so that a limit is never exceeded by a fraction. A rate of 0 requests is taken as 1.
fn interval(rate: Rate) -> Duration {
    let nanos = (u64::from(rate.per_ms) * 1_000_000).div_ceil(u64::from(rate.requests.max(1)));
    Duration::from_nanos(nanos)
}
