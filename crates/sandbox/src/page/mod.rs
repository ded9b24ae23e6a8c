//! The sandbox's own page: what arrived, what was pushed, what it cost, and the magic numbers.
//!
//! Self-contained, with nothing from elsewhere. Numbers are masked, and nothing of a request's body, no key and no secret is shown, but for the
//! codes that getCode sent: somebody must be able to read them.

mod json;
mod status;

pub(crate) use json::{health, inbox, journal, ledger, privacy, tally};
pub(crate) use status::{CONTENT_SECURITY_POLICY, status};
