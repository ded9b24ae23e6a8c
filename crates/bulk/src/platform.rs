//! What a job is submitted to, as far as a job needs to know it: two calls, and what may become of them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::{BatchNo, Date, Drift, PhoneNumber};

/// Confirms a claim before an attempt is signed.
pub trait ConfirmClaim: Send + Sync + 'static {
    /// Whether the claim still holds, durably confirmed with the timestamp that the attempt is about to be signed with. `false`: nothing may
    /// be sent.
    fn confirm(&self, ts_ms: u64) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}

/// A batch to submit.
#[derive(Clone)]
#[non_exhaustive]
pub struct Submission {
    /// Its `batchNo`.
    pub batch_no: BatchNo,
    /// The check level.
    pub level: CheckLevel,
    /// Its phone numbers.
    pub numbers: Vec<PhoneNumber>,
    /// To be asked before **each** attempt is signed, with its timestamp, after every wait.
    pub claim: Arc<dyn ConfirmClaim>,
}

impl Submission {
    /// A batch whose attempts are confirmed by `claim`.
    pub fn new(
        batch_no: BatchNo,
        level: CheckLevel,
        numbers: Vec<PhoneNumber>,
        claim: Arc<dyn ConfirmClaim>,
    ) -> Self {
        Self { batch_no, level, numbers, claim }
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("batch_no", &self.batch_no)
            .field("level", &self.level)
            .field("numbers", &self.numbers.len())
            .finish_non_exhaustive()
    }
}

/// A platform that checks phone numbers.
pub trait CheckService: Send + Sync + 'static {
    /// Submits a batch. It may repeat what surely did not leave; nothing else. Its turn has come already where a
    /// [`SharedPace`](crate::SharedPace) is kept.
    ///
    /// Before each attempt is signed, the repeat after a corrected clock included, it must have the claim confirmed with the timestamp of
    /// that attempt. What was not confirmed is [`Submitted::NotSent`].
    ///
    /// Costs money when accepted.
    fn submit(&self, submission: Submission) -> impl Future<Output = Submitted> + Send;

    /// Asks what the platform knows of a batch, under each of these days, in their order; it may stop once it has seen rows for `enough`
    /// distinct phone numbers.
    ///
    /// Costs nothing and may be repeated. One question may take several requests: whoever keeps a [`SharedPace`](crate::SharedPace) takes a turn for each.
    fn query(&self, batch_no: &BatchNo, days: &[Date], enough: u64) -> impl Future<Output = Found> + Send;
}

/// How submitting a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Submitted {
    /// The platform took it: results will come, and cost.
    Accepted {
        /// Its id for the batch, if it gave one.
        message_id: Option<String>,
        /// Phone numbers that it did not take all the same: what to store for each ([`not_taken`](crate::store::reading::not_taken)).
        not_taken: Vec<Row>,
        /// Drift in its reply.
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
        /// Whether a complete reply said so: then no absence in a query ends the doubt.
        from_reply: bool,
    },
}

/// What a platform knows of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Results that are finished, each as the platform wrote it.
    pub rows: Vec<Row>,
    /// For how many distinct phone numbers there were rows, finished or not.
    pub shown: u64,
    /// How many of those have no result: failed, or not finished.
    pub without_result: u64,
    /// Whether it knows the batch at all, finished or not. On any doubt `true`: what is not known may be paid for again.
    pub known: bool,
    /// The days for which there were rows.
    pub days: Vec<Date>,
    /// Whether every answer was clean: none contradicts itself, an empty one says that it is, and all have the same form.
    pub clean: bool,
    /// The form of the answers that held rows of it, or of the empty ones where none did: an empty answer is believed only in the form of
    /// one that held rows. Where the answers differ in form, they are not [`clean`](Self::clean).
    pub form: Option<String>,
    /// The timestamp with which the last request was signed, Unix time in milliseconds.
    pub asked_ms: u64,
    /// Drift in its answers, but for the rows: those are looked at when they are entered.
    pub drift: Vec<Drift>,
    /// Why there is no complete answer, as a sentence without numbers or secrets.
    pub trouble: Option<String>,
}

/// A result that was fetched or stood in an answer, as JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(pub Vec<u8>);

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} bytes)", self.0.len())
    }
}
