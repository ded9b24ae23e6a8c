//! `numcheck run` is killed again and again, against a sandbox in another process that keeps its own account of what it charged.
//!
//! Whatever happens, on a store in a file and on a real PostgreSQL: no number is accepted twice without a person's word, and no paid result
//! is lost. Where the platform does what the project assumes, the exported file is that of an undisturbed run; `judge` says what may be
//! different by its nature. `wild` draws what the platform does, too.
//! `NUMCHECK_TORTURE_ROUNDS` says how many rounds, `NUMCHECK_TORTURE_SEED` with which seed they begin, and `NUMCHECK_TORTURE_STORE`
//! (`sqlite` or `postgres`) on which store alone: a round prints its own, and a seed replays its input and the moments of its kills (how
//! far a process comes in a moment is the machine's affair).
//!
//! The random moments are real time, so there are sleeps in here; what is asserted does not depend on how long they take.
#![allow(clippy::print_stderr, reason = "a seed that nobody sees cannot be replayed")]

mod chaos;
mod faults;
mod judge;
mod kills;
#[cfg(feature = "failpoints")]
mod labels;
mod many;
mod privacy;
mod proofs;
mod resume;
mod scene;
mod seat;
mod silence;
mod stores;
mod wild;
mod work;
mod world;
