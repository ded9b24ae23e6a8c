//! `numcheck run` is killed again and again, against a sandbox in another process that keeps its own account of what it charged.
//!
//! Whatever happens: no number is accepted twice, no paid result is lost, and the exported file is the one of an undisturbed run, byte for
//! byte. `NUMCHECK_TORTURE_ROUNDS` says how many rounds, `NUMCHECK_TORTURE_SEED` with which seed they begin: a round prints its own, and a
//! seed replays its input and the moments of its kills (how far a process comes in a moment is the machine's affair).
//!
//! The random moments are real time, so there is one sleep in here; what is asserted does not depend on how long it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)] // a test may fail where it stands
#![allow(clippy::print_stderr)] // a seed that nobody sees cannot be replayed

mod kills;
#[cfg(feature = "failpoints")]
mod labels;
mod many;
mod proofs;
mod scene;
mod silence;
#[path = "../support/mod.rs"]
mod support;
