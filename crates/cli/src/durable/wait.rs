//! How long a job waits, and what it takes for granted about the platform.

use std::time::Duration;

use numcheck_bulk::{ProofRules, Times};

/// What is assumed of the platform where a doubt is to be ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumed {
    /// By how much batches may differ in the time until a query shows them.
    pub(crate) visibility_spread: Duration,
    /// That a query lists failed checks, although it has shown none.
    pub(crate) failures_listed: bool,
}

/// When to stop waiting for results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// After the last result.
    pub(crate) quiet: Duration,
    /// How long the platform's minute is, which stretches or shortens all its times.
    pub(crate) minute: Duration,
    pub(crate) assumed: Assumed,
}

impl Wait {
    /// When a platform's word that it does not know a batch is believed.
    pub(crate) fn rules(&self) -> ProofRules {
        ProofRules::new()
            .with_visibility_spread(self.assumed.visibility_spread)
            .with_failures_listed(self.assumed.failures_listed)
    }

    /// The platform's times, in minutes of this length.
    pub(crate) fn times(&self) -> Times {
        let of = Times::default();
        let scale = |time: Duration| time.mul_f64(self.minute.as_secs_f64() / 60.0);
        let mut times = of;
        for time in [&mut times.push, &mut times.poll, &mut times.doubt, &mut times.missing] {
            *time = scale(*time);
        }
        times
    }
}
