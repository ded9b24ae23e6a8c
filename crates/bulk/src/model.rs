//! The vocabulary of a job: what it is, and the states of its batches and phone numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a job: 16 hex digits, chosen at random. Every `batchNo` begins with it, so a `batchNo` holds 64 random bits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobName(Box<str>);

impl JobName {
    /// A name from eight random bytes.
    pub fn from_random(random: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(random)).into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobName {
    type Err = NotAJobName;

    fn from_str(name: &str) -> Result<Self, NotAJobName> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if name.len() == 16 && name.bytes().all(hex) { Ok(Self(name.into())) } else { Err(NotAJobName) }
    }
}

impl TryFrom<String> for JobName {
    type Error = NotAJobName;

    fn try_from(name: String) -> Result<Self, NotAJobName> {
        name.parse()
    }
}

impl From<JobName> for String {
    fn from(name: JobName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobName({})", self.0)
    }
}

/// Not 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job's name has 16 digits or letters from a to f")]
#[non_exhaustive]
pub struct NotAJobName;

/// What is paid for: a phone number is checked by a service, at a level, for an account. Phone numbers of one scope share one book.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scope {
    /// A fingerprint of the account: of its key and the platform's address, never the key itself.
    pub account: String,
    /// The service, such as `number_check`.
    pub service: String,
    /// The level of the check, in the service's own figures. Prices are kept by level and group, whatever the service: services that share a
    /// store use different figures.
    pub level: i64,
}

impl Scope {
    /// Number check, as a service.
    pub const NUMBER_CHECK: &'static str = "number_check";
    /// The privacy check, as a service.
    pub const PRIVACY: &'static str = "privacy";

    /// A scope of an account, a service and a level.
    pub fn new(account: impl Into<String>, service: impl Into<String>, level: i64) -> Self {
        Self { account: account.into(), service: service.into(), level }
    }
}

/// Which results in the book a job takes instead of paying for a check.
///
/// Results that came after the job was made are always taken, whatever clocks say: the store knows their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reuse {
    /// Results of this time or later are taken, Unix time in milliseconds. Of those the store believes to come from the future nobody knows
    /// the age: they are taken only where this is 0.
    pub since_ms: u64,
    /// Failures that pass with time are checked again.
    #[serde(default)]
    pub retry_failed: bool,
}

impl Reuse {
    /// Takes every result, however old.
    pub const ALL: Self = Self { since_ms: 0, retry_failed: false };
    /// Takes no result that came before the job was made.
    pub const NONE: Self = Self { since_ms: u64::MAX, retry_failed: false };

    /// Takes results of this time or later.
    pub fn since(since_ms: u64) -> Self {
        Self { since_ms, retry_failed: false }
    }

    /// Also checks again what failed for a reason that passes.
    #[must_use]
    pub fn with_retry_failed(self) -> Self {
        Self { retry_failed: true, ..self }
    }

    /// Whether a result of `at_ms` is taken that the book had before the job was made. Whoever makes the job takes one of later than `latest_ms`
    /// to come from the future.
    pub fn takes(&self, outcome: Outcome, at_ms: u64, latest_ms: u64) -> bool {
        if self.retry_failed && outcome == Outcome::Passing {
            return false;
        }
        let is_in_time = (self.since_ms..=latest_ms).contains(&at_ms);
        self.since_ms == 0 || self.since_ms != u64::MAX && is_in_time
    }

    /// Whether a job with the other policy is continued by one with this.
    pub(crate) fn is_same_override(&self, other: &Self) -> bool {
        self.retry_failed == other.retry_failed && (self.since_ms == u64::MAX) == (other.since_ms == u64::MAX)
    }

    /// Whether it overrides results that would be fresh enough: then an interrupted job of the same kind is continued, and no other.
    pub fn is_override(&self) -> bool {
        self.retry_failed || self.since_ms == u64::MAX
    }
}

/// What is fixed about a job when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobSpec {
    /// What is paid for.
    pub scope: Scope,
    /// How results come back.
    pub delivery: Delivery,
    /// A fingerprint of the set of its phone numbers, in no order: jobs with the same one are about the same phone numbers.
    pub set: String,
    /// Which results of the book it takes.
    pub reuse: Reuse,
    /// Whatever the caller needs to write the results: names of columns, separators. Kept, not read.
    pub notes: serde_json::Value,
}

impl JobSpec {
    /// A job that takes every result of the book, with the caller's notes.
    pub fn new(scope: Scope, set: impl Into<String>, delivery: Delivery, notes: serde_json::Value) -> Self {
        Self { scope, delivery, set: set.into(), reuse: Reuse::ALL, notes }
    }

    /// Whether running it means to go on with an unfinished job about the same phone numbers.
    pub fn continues(&self, job: &Job) -> bool {
        !self.reuse.is_override() || self.reuse.is_same_override(&job.spec.reuse)
    }

    /// Takes other results of the book.
    #[must_use]
    pub fn with_reuse(self, reuse: Reuse) -> Self {
        Self { reuse, ..self }
    }
}

/// How results come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// The platform pushes them.
    #[default]
    Push,
    /// They are fetched through the query endpoint; no public address is needed.
    Poll,
    /// Pushed, and fetched where the push did not come.
    Both,
}

impl Delivery {
    /// Whether a submit names a callback URL.
    pub fn pushes(self) -> bool {
        self != Self::Poll
    }
}

/// A job as a store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// The store's own key.
    pub id: i64,
    /// Its name.
    pub name: JobName,
    /// What is fixed about it.
    pub spec: JobSpec,
    /// How far it is.
    pub state: JobState,
    /// When it was made, Unix time in milliseconds.
    pub created_ms: u64,
    /// Rows of the input.
    pub rows: u64,
    /// Distinct phone numbers in it.
    pub numbers: u64,
}

impl Job {
    /// A job whose plan is being written. All else can be set.
    pub fn new(id: i64, name: JobName, spec: JobSpec, created_ms: u64) -> Self {
        Self { id, name, spec, state: JobState::Planning, created_ms, rows: 0, numbers: 0 }
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// Its plan is being written; nothing may be sent.
    Planning,
    /// Its plan is whole.
    Open,
    /// A later job about the same phone numbers has replaced it: nothing more is sent for it.
    Replaced,
    /// Its phone numbers and results were removed; its sums stay.
    Forgotten,
}

impl JobState {
    /// Its figure in a store's tables.
    pub const fn figure(self) -> i16 {
        match self {
            Self::Planning => 0,
            Self::Open => 1,
            Self::Forgotten => 2,
            Self::Replaced => 3,
        }
    }

    /// The state of a figure. Under one that is none, nothing is sent.
    pub const fn from_figure(figure: i16) -> Self {
        match figure {
            0 => Self::Planning,
            1 => Self::Open,
            3 => Self::Replaced,
            _ => Self::Forgotten,
        }
    }
}

/// How far a batch is. The order of the variants is the order in which it goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BatchState {
    /// Not sent.
    Planned,
    /// Durably marked before its request left; it may have arrived.
    Sending,
    /// Its answer was lost, or its sender died.
    InDoubt,
    /// The platform took it.
    Accepted,
    /// The platform refused it: nothing was checked.
    Refused,
}

impl BatchState {
    /// Its figure in a store's tables.
    pub const fn figure(self) -> i16 {
        match self {
            Self::Planned => 0,
            Self::Sending => 1,
            Self::InDoubt => 2,
            Self::Accepted => 3,
            Self::Refused => 4,
        }
    }

    /// The state of a figure. One that is none is a doubt.
    pub const fn from_figure(figure: i16) -> Self {
        match figure {
            0 => Self::Planned,
            1 => Self::Sending,
            3 => Self::Accepted,
            4 => Self::Refused,
            _ => Self::InDoubt,
        }
    }
}

/// How sending a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchEnd {
    /// The platform took it.
    Accepted {
        /// Its id for the batch.
        message_id: Option<String>,
    },
    /// The platform refused it.
    Refused {
        /// Its code.
        code: Option<i64>,
        /// What it said, and what to do.
        message: String,
    },
    /// It was refused for a reason that says nothing about it, such as wrong keys, no balance, or a server on the way: nothing was checked, and
    /// it is planned again under its number, with the reason kept until then.
    NotCarriedOut {
        /// Its code.
        code: Option<i64>,
        /// What it said, and what to do.
        message: String,
    },
    /// It was surely not carried out: it is planned again.
    NotSent,
    /// It may have been carried out: its answer was lost, or does not say.
    InDoubt {
        /// The platform's code, if it gave one.
        code: Option<i64>,
        /// Why nobody knows.
        message: String,
        /// Whether this was said in a complete reply. Then no absence in a query ends the doubt: not listed is not "not charged".
        from_reply: bool,
    },
}

/// To what the end of a sending leads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedBatch {
    /// The batch's state from then on.
    pub state: BatchState,
    /// The platform's id for the batch.
    pub message_id: Option<String>,
    /// The platform's code.
    pub code: Option<i64>,
    /// Why, for people.
    pub message: Option<String>,
    /// Whether a doubt was said in a complete reply.
    pub from_reply: bool,
}

impl BatchEnd {
    /// Whether the platform took the batch: then a result proves nothing more.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// To what it leads, unless a result has proved meanwhile that the batch was accepted.
    pub fn leads_to(self) -> EndedBatch {
        let to =
            |state, code, message| EndedBatch { state, message_id: None, code, message, from_reply: false };
        match self {
            Self::Accepted { message_id } => {
                EndedBatch { message_id, ..to(BatchState::Accepted, None, None) }
            }
            Self::Refused { code, message } => to(BatchState::Refused, code, Some(message)),
            Self::NotCarriedOut { code, message } => to(BatchState::Planned, code, Some(message)),
            Self::NotSent => to(BatchState::Planned, None, None),
            Self::InDoubt { code, message, from_reply } => {
                EndedBatch { from_reply, ..to(BatchState::InDoubt, code, Some(message)) }
            }
        }
    }
}

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Checked.
    Done,
    /// The platform tried and could not.
    Failed,
    /// The platform tried and could not, for a reason that passes with time.
    Passing,
    /// The platform did not take it, although it took its batch.
    Refused,
}

impl Outcome {
    /// Whether the platform tried and could not.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::Passing)
    }

    /// Its figure in a store's tables.
    pub const fn figure(self) -> i16 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::Passing => 3,
        }
    }

    /// The outcome of a figure; a failure of one that is none.
    pub const fn from_figure(figure: i16) -> Self {
        match figure {
            0 => Self::Done,
            2 => Self::Refused,
            3 => Self::Passing,
            _ => Self::Failed,
        }
    }
}

/// What the book knows of a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookState {
    /// It was sent, and its result may still come.
    UnderWay,
    /// It may have been sent, or was accepted and no result came in the time that the platform takes.
    InDoubt,
    /// It has a result.
    Settled(Outcome),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statements of the stores name them, and stores of older releases hold them.
    #[test]
    fn figures_never_change_and_are_read_back() {
        use BatchState::{Accepted, InDoubt, Planned, Refused, Sending};
        for (at, state) in (0..).zip([Planned, Sending, InDoubt, Accepted, Refused]) {
            assert_eq!((state.figure(), BatchState::from_figure(at)), (at, state));
        }
        for (at, state) in
            (0..).zip([JobState::Planning, JobState::Open, JobState::Forgotten, JobState::Replaced])
        {
            assert_eq!((state.figure(), JobState::from_figure(at)), (at, state));
        }
        for (at, outcome) in (0..).zip([Outcome::Done, Outcome::Failed, Outcome::Refused, Outcome::Passing]) {
            assert_eq!((outcome.figure(), Outcome::from_figure(at)), (at, outcome));
        }
    }

    #[test]
    fn a_figure_that_is_none_sends_nothing_and_pays_nothing_again() {
        for figure in [-1, 9] {
            assert_eq!(BatchState::from_figure(figure), BatchState::InDoubt);
            assert_eq!(JobState::from_figure(figure), JobState::Forgotten);
            assert_eq!(Outcome::from_figure(figure), Outcome::Failed);
        }
    }
}
