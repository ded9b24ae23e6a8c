//! What a job is submitted to, as far as a job needs to know it.
//!
//! Two calls, and what may become of them. How they travel is the business of whoever implements this.

use std::future::Future;

use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::{BatchNo, PhoneNumber};

/// A platform that checks numbers.
pub trait Platform: Send + Sync + 'static {
    /// Submits a batch. It may wait for its turn, and may repeat what surely did not leave; nothing else.
    ///
    /// Costs money when accepted.
    fn submit(
        &self,
        batch_no: &BatchNo,
        level: CheckLevel,
        numbers: Vec<PhoneNumber>,
    ) -> impl Future<Output = Submitted> + Send;

    /// One page, from 1, of what the platform knows of a batch that was submitted at `submitted_ms` (Unix time in milliseconds).
    ///
    /// Costs nothing and may be repeated.
    ///
    /// # Errors
    /// A sentence without numbers or secrets, when there is no answer that can be relied on.
    fn query(
        &self,
        batch_no: &BatchNo,
        submitted_ms: u64,
        page: u32,
    ) -> impl Future<Output = Result<Page, String>> + Send;
}

/// How submitting a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Submitted {
    /// The platform took it: results will come, and cost.
    Accepted {
        /// Its id for the batch, if it gave one.
        message_id: Option<String>,
    },
    /// The platform refused it.
    Refused {
        /// Its code, if it gave one.
        code: Option<i64>,
        /// What it said, and what to do.
        message: String,
        /// Whether the next batch would fare no better: wrong keys, no balance.
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

/// A page of what a platform knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Results, each as JSON that came from the platform.
    pub rows: Vec<Row>,
    /// Whether there are further pages.
    pub more: bool,
}

/// A result that was fetched: the platform's row, byte for byte where that can be, else written from what was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(pub Vec<u8>);

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({} bytes)", self.0.len())
    }
}
