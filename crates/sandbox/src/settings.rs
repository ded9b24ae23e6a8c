//! How a sandbox behaves: its delays and limits.
//!
//! Plain values; nothing here acts.

use std::sync::Arc;
use std::time::Duration;

use numcheck_signing::{Algorithm, TOLERANCE_MS};

use crate::assumptions::Assumptions;

/// Where the sandbox may push results.
///
/// A sandbox is started on a laptop or in CI with made-up data and real-looking URLs in it; what it is told to push to must not
/// be reached by accident.
///
/// ```
/// use numcheck_sandbox::{PushPolicy, Sandbox};
///
/// let inside_a_test_network = Sandbox::builder().allow_push_to(PushPolicy::Anywhere);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushPolicy {
    /// To this machine only: `127.0.0.0/8`, `[::1]` and `localhost`. A submit with another `drUrl` is accepted, and its results
    /// are not pushed; the journal says why.
    #[default]
    Loopback,
    /// To any `http` URL.
    Anywhere,
}

/// Everything that a builder can set and no account, clock or fault is.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) callback_delay: Duration,
    pub(crate) freshness: Duration,
    pub(crate) minute: Duration,
    pub(crate) push_policy: PushPolicy,
    pub(crate) push_timeout: Duration,
    pub(crate) push_connections: usize,
    pub(crate) body_limit: usize,
    pub(crate) journal_entries: usize,
    pub(crate) seed: u64,
    pub(crate) sign_pushes: Option<Algorithm>,
    /// Where QXT's endpoint is instead of the documented path.
    pub(crate) qxt_path: Option<Arc<str>>,
    pub(crate) qxt_delay: Duration,
    pub(crate) assumptions: Assumptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            callback_delay: Duration::from_millis(200),
            freshness: Duration::from_millis(TOLERANCE_MS),
            minute: Duration::from_secs(60),
            push_policy: PushPolicy::Loopback,
            push_timeout: Duration::from_secs(10),
            push_connections: 64,
            body_limit: 16 * 1024 * 1024,
            journal_entries: 10_000,
            seed: 1,
            sign_pushes: None,
            qxt_path: None,
            qxt_delay: Duration::ZERO,
            assumptions: Assumptions::default(),
        }
    }
}
