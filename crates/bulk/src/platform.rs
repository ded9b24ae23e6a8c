//! What a job is submitted to, as far as a job needs to know it.
//!
//! Two calls, and what may become of them. It must not know how they travel: that is the business of whoever implements this.

use std::future::Future;
use std::time::Duration;

use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::{BatchNo, Drift, PhoneNumber};

/// How long after it was taken for sending a batch may be signed at the latest: long enough to wait for a turn that many share.
pub const SIGN_WITHIN: Duration = Duration::from_secs(120);

/// A platform that checks numbers.
pub trait Platform: Send + Sync + 'static {
    /// Submits a batch. It may repeat what surely did not leave; nothing else. Its turn has come already where a
    /// [`Pace`](crate::Pace) is kept.
    ///
    /// No request may be signed later than `sign_until_ms` (Unix time in milliseconds): whoever finds the batch still open then concludes
    /// from it when it can no longer be accepted. So the time is compared where the request is signed, after every wait, and a process that
    /// slept meanwhile finds out. What could not be signed in time is [`Submitted::NotSent`].
    ///
    /// Costs money when accepted.
    fn submit(
        &self,
        batch_no: &BatchNo,
        level: CheckLevel,
        numbers: Vec<PhoneNumber>,
        sign_until_ms: u64,
    ) -> impl Future<Output = Submitted> + Send;

    /// Asks what the platform knows of a batch that was taken for sending at `submitted_ms` (Unix time in milliseconds) and signed up to
    /// [`SIGN_WITHIN`] later, as of `now_ms`. A platform that is asked by the day is to be asked about every day in question: an empty
    /// answer about the wrong one would be taken for proof.
    ///
    /// Costs nothing and may be repeated. One question may take several requests: whoever keeps a [`Pace`](crate::Pace) takes a turn for each.
    fn query(&self, batch_no: &BatchNo, submitted_ms: u64, now_ms: u64)
    -> impl Future<Output = Found> + Send;
}

/// How submitting a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Submitted {
    /// The platform took it: results will come, and cost.
    Accepted {
        /// Its id for the batch, if it gave one.
        message_id: Option<String>,
        /// Numbers that it did not take all the same: what to store for each ([`not_taken`](crate::store::reading::not_taken)).
        not_taken: Vec<Row>,
        /// What in its answer no document lists.
        drift: Vec<Drift>,
    },
    /// The platform refused it.
    Refused {
        /// Its code, if it gave one.
        code: Option<i64>,
        /// What it said, and what to do.
        message: String,
        /// Whether the next batch would fare no better: wrong keys, no balance. Then this one is sent again when somebody goes on with
        /// the job.
        for_all: bool,
    },
    /// It surely never left.
    NotSent {
        /// Why.
        message: String,
    },
    /// It may have been carried out: its answer was lost, or does not say.
    InDoubt {
        /// The platform's code, if it gave one.
        code: Option<i64>,
        /// Why nobody knows.
        message: String,
    },
}

/// What a platform knows of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Results that are finished, each as the platform wrote it.
    pub rows: Vec<Row>,
    /// Whether it knows the batch at all, finished or not. On any doubt `true`: what is not known may be paid for again.
    pub known: bool,
    /// What in its answers no document lists, but for the rows: those are looked at when they are entered.
    pub drift: Vec<Drift>,
    /// Why there is no complete answer, as a sentence without numbers or secrets.
    pub trouble: Option<String>,
}

/// A result that was fetched or stood in an answer, as JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(pub Vec<u8>);

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({} bytes)", self.0.len())
    }
}
