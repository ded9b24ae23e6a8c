//! The whole job against a platform that is simulated: every order of answers, pushes, crashes, questions and decisions, in virtual time.
//!
//! Several files with common numbers are run on one store. Processes die at every point at which they wait, sleep through hours, have clocks
//! of their own that step either way, and come back to the same store. What the platform's documents leave open is drawn for each world. The
//! platform keeps books of its own, and a model knows what the store was told; after every step the three are compared: no number is
//! accepted twice without a person's word. One thread, one seed, one order of events: a failure can be run again.

#[cfg(feature = "sqlite")]
mod directed;
mod known;
#[cfg(feature = "postgres")]
mod on_postgres;
#[cfg(feature = "sqlite")]
mod on_sqlite;
mod platform;
mod process;
mod scenario;
mod stepped;
mod truth;
mod world;

use numcheck_bulk::conformance::made;
use proptest::test_runner::Config;

/// `PROPTEST_CASES` makes it as many as one likes.
fn cases(usual: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    // A smaller world is worth a minute, not ten.
    Config {
        cases: wanted.unwrap_or(usual),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    }
}
