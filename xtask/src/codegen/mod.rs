//! Makes everything that is derived from `crates/protocol/spec`.
//!
//! It must not state a fact of its own: facts live in the spec, and it must not read anything but the spec.

/// Writes what is derived, or under `check` compares it and names the first stale file.
pub(crate) fn run(_check: bool) -> Result<(), String> {
    Ok(())
}
