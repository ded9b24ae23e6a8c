//! What a job pays for: a service that checks phone numbers, as far as the engine must know it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use numcheck_protocol::{BatchNo, Date, Drift, PhoneNumber};

use crate::model::{BatchEnd, Scope};
use crate::store::Source;

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
    /// The level of the check, in the service's figures ([`Scope::level`](crate::Scope::level)).
    pub level: i64,
    /// Its phone numbers.
    pub numbers: Vec<PhoneNumber>,
    /// To be asked before **each** attempt is signed, with its timestamp, after every wait.
    pub claim: Arc<dyn ConfirmClaim>,
}

impl Submission {
    /// A batch whose attempts are confirmed by `claim`.
    pub fn new(
        batch_no: BatchNo,
        level: i64,
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

/// What differs between services, as the engine must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// Its name in the book ([`Scope::service`](crate::Scope::service)).
    pub name: &'static str,
    /// How many phone numbers one request holds at most. Where it is 1, a batch is claimed as a whole, and each of its phone numbers is
    /// confirmed and sent by itself.
    pub max_batch: usize,
    /// Whether it can be asked afterwards what became of a request. Where it cannot, a doubt stays until a person decides.
    pub is_queryable: bool,
    /// Whether results come later, by themselves or by a query. Where they do not, each stands in the reply to its request, and what the
    /// reply does not settle never will be.
    pub comes_later: bool,
}

impl ServiceInfo {
    /// A service that takes up to `max_batch` phone numbers in a request, sends results later, and can be asked about them.
    pub const fn new(name: &'static str, max_batch: usize) -> Self {
        Self { name, max_batch, is_queryable: true, comes_later: true }
    }

    /// A service that answers for one phone number at once, and cannot be asked afterwards.
    pub const fn synchronous(name: &'static str) -> Self {
        Self { name, max_batch: 1, is_queryable: false, comes_later: false }
    }

    /// Why a job of this scope is none of this service's. It would be paid for what nobody asked of it, and what it does not have would be taken
    /// for absent.
    pub(crate) fn refuses(&self, scope: &Scope) -> Option<String> {
        (scope.service != self.name).then(|| {
            format!(
                "the job is for the service {}, and this is {}: nothing was sent",
                scope.service, self.name
            )
        })
    }
}

/// A service that checks phone numbers and is paid for it.
pub trait CheckService: Send + Sync + 'static {
    /// What the engine must know of it.
    fn info(&self) -> ServiceInfo;

    /// Submits a batch. It may repeat what surely did not leave; nothing else. Its turn has come already where a
    /// [`SharedPace`](crate::SharedPace) is kept.
    ///
    /// Before each attempt is signed, the repeat after a corrected clock included, it must have the claim confirmed with the timestamp of
    /// that attempt. What was not confirmed is [`Submitted::NotSent`].
    ///
    /// Costs money when accepted.
    fn submit(&self, submission: Submission) -> impl Future<Output = Submitted> + Send;

    /// Drift in replies since this was asked last, as far as [`Submitted`] and [`Found`] do not hold it.
    fn take_drift(&self) -> Vec<Drift> {
        Vec::new()
    }

    /// Asks what the platform knows of a batch, under each of these days, in their order; it may stop once it has seen rows for `enough`
    /// distinct phone numbers.
    ///
    /// Costs nothing and may be repeated. One question may take several requests: whoever keeps a [`SharedPace`](crate::SharedPace) takes a turn for each.
    /// Never called where [`ServiceInfo::is_queryable`] says that it cannot be asked.
    fn query(&self, batch_no: &BatchNo, days: &[Date], enough: u64) -> impl Future<Output = Found> + Send {
        let _ = (batch_no, days, enough);
        async { Found::unknown() }
    }
}

/// How submitting a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Submitted {
    /// The platform took it: results will come, and cost.
    Accepted {
        /// Its id for the batch, if it gave one.
        message_id: Option<String>,
        /// What of its reply is to be stored: results that came at once, and phone numbers that it did not take all the same
        /// ([`not_taken`](crate::store::reading::not_taken)).
        results: Vec<Row>,
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
    /// A server on the way says that it has not passed it on; whether that is true nobody can see. It counts as not carried out, and this run does
    /// not send it again: whoever goes on with the job does. The third in a row, or that never left, ends the submitting.
    NotPassedOn {
        /// What that server said, and what to do.
        message: String,
    },
    /// It came too early, says the platform or a server before it, and was not carried out. It is sent again. The third time in a row ends the
    /// submitting; what was under way at the same time is one time.
    TooEarly {
        /// What was said, and what to do.
        message: String,
    },
    /// It surely never left. It is sent again, and the third in a row ends the submitting.
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
        /// Whether the next batch would fare no better: then no more is sent.
        for_all: bool,
        /// A reply that is to be kept although it settles nothing: it is quarantined.
        kept: Vec<Row>,
    },
}

impl Submitted {
    /// How that ended for the batch.
    pub fn into_end(self) -> BatchEnd {
        match self {
            Self::Accepted { message_id, .. } => BatchEnd::Accepted { message_id },
            Self::Refused { code, message, for_all: true } => BatchEnd::NotCarriedOut { code, message },
            Self::Refused { code, message, for_all: false } => BatchEnd::Refused { code, message },
            Self::NotPassedOn { message } => BatchEnd::NotCarriedOut { code: None, message },
            Self::TooEarly { .. } | Self::NotSent { .. } => BatchEnd::NotSent,
            Self::InDoubt { code, message, from_reply, .. } => {
                BatchEnd::InDoubt { code, message, from_reply }
            }
        }
    }
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

impl Found {
    /// Nothing is known: nothing may be concluded from it.
    pub fn unknown() -> Self {
        Self { known: true, ..Self::default() }
    }
}

/// A result as the service wrote it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// How it came.
    pub source: Source,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Row {
    /// A result that was fetched by a query.
    pub fn fetched(body: Vec<u8>) -> Self {
        Self { source: Source::Query, body }
    }

    /// A result that stood in the reply to its request.
    pub fn reply(body: Vec<u8>) -> Self {
        Self { source: Source::Reply, body }
    }

    /// What to store for a phone number that was not taken, made by [`not_taken`](crate::store::reading::not_taken).
    pub fn not_taken(body: Vec<u8>) -> Self {
        Self { source: Source::Answer, body }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({:?}, {} bytes)", self.source, self.body.len())
    }
}
