//! Labelled places at which a test lets the process die, as by `kill -9` or a power cut.
//!
//! Without the feature `failpoints` nothing of it is compiled in; with it, nothing happens until the variable is set. A failpoint
//! ends the process or does nothing.

/// Which label, and at which of its passes: `submit.claimed:2`.
#[cfg(feature = "failpoints")]
pub const VARIABLE: &str = "NUMCHECK_DIE_AT";

/// Ends the process here, without destructors and without a word to anybody, when the environment says so.
#[cfg(feature = "failpoints")]
pub fn die_at(label: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let wanted = std::env::var(VARIABLE).ok()?;
        let (label, pass) = wanted.rsplit_once(':')?;
        Some((label.to_owned(), pass.parse().ok()?))
    });
    if let Some((wanted, pass)) = wanted
        && wanted == label
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *pass
    {
        std::process::abort();
    }
}

/// Does nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn die_at(_: &str) {}
