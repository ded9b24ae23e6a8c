//! How a sandbox behaves: its delays, limits, and the choices that the documents leave open.
//!
//! Plain values; nothing here acts.

use std::time::Duration;

/// Where the sandbox may push results.
///
/// A sandbox is started on a laptop or in CI with made-up data and real-looking URLs in it; what it is told to push to must not
/// be reached by accident.
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

/// What the sandbox does where no document says what the platforms do. Each default is the project's assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assumptions {
    /// Numbers of two countries in one batch are answered with 203. A country is a country code here: all of +1 is one.
    /// Default: yes.
    pub refuse_mixed_countries: bool,
    /// What a submit with a batch number that the account already used comes to. Default: charged again.
    pub repeated_batch_no: RepeatedBatchNo,
    /// Any status from 200 to 299 accepts a push, not only 200. Default: no.
    pub any_2xx_accepts_a_push: bool,
    /// A mobile number whose area is in no public data gets an area made up from its digits, instead of -4. Default: no.
    pub make_up_unknown_areas: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            refuse_mixed_countries: true,
            repeated_batch_no: RepeatedBatchNo::ChargeAgain,
            any_2xx_accepts_a_push: false,
            make_up_unknown_areas: false,
        }
    }
}

/// What a repeated batch number means. Whether the real platform refuses, merges or charges is documented nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepeatedBatchNo {
    /// A new job, charged like any other.
    #[default]
    ChargeAgain,
    /// Refused with 201; nothing is charged.
    Refuse,
    /// Answered with the first job's message id; nothing is charged or pushed again.
    Merge,
}

/// Everything that a builder can set and no account, clock or fault is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) callback_delay: Duration,
    pub(crate) minute: Duration,
    pub(crate) push_policy: PushPolicy,
    pub(crate) push_timeout: Duration,
    pub(crate) push_connections: usize,
    pub(crate) body_limit: usize,
    pub(crate) journal_entries: usize,
    pub(crate) seed: u64,
    pub(crate) assumptions: Assumptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            callback_delay: Duration::from_millis(200),
            minute: Duration::from_secs(60),
            push_policy: PushPolicy::Loopback,
            push_timeout: Duration::from_secs(10),
            push_connections: 64,
            body_limit: 16 * 1024 * 1024,
            journal_entries: 10_000,
            seed: 1,
            assumptions: Assumptions::default(),
        }
    }
}
