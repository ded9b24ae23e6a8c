//! The words of a job: what it is, and the states of its batches and numbers.
//!
//! Plain values. Nothing here acts, and nothing here knows how a store writes them down.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a job: 16 hex digits, made from its content and its parameters, so that the same file with the same parameters is the
/// same job.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobName(Box<str>);

impl JobName {
    /// A name from the first bytes of a hash over everything that makes the job what it is.
    pub fn from_hash(hash: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(hash)).into())
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
#[error("a job's name has 16 digits or letters from a to f: `numcheck jobs` lists them")]
#[non_exhaustive]
pub struct NotAJobName;

/// What is fixed about a job when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobSpec {
    /// The check level on the wire.
    pub level: i64,
    /// How results come back.
    pub delivery: Delivery,
    /// Whatever the caller needs to write the results: names of columns, separators. Kept, not read.
    pub notes: serde_json::Value,
}

impl JobSpec {
    /// A job at a level, with the caller's notes.
    pub fn new(level: i64, delivery: Delivery, notes: serde_json::Value) -> Self {
        Self { level, delivery, notes }
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
    /// Distinct numbers in it.
    pub numbers: u64,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// Its plan is being written; nothing may be sent.
    Planning,
    /// Its plan is whole.
    Open,
    /// Its numbers and results were removed; its sums stay.
    Forgotten,
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
    /// The platform refused it for a reason that says nothing about it, such as wrong keys or no balance: nothing was checked, and it is
    /// planned again under its number, with the reason kept until then.
    TurnedAway {
        /// Its code.
        code: Option<i64>,
        /// What it said, and what to do.
        message: String,
    },
    /// It surely never left: it is planned again.
    NotSent,
    /// It may have been carried out: its answer was lost, or does not say.
    InDoubt {
        /// The platform's code, if it gave one.
        code: Option<i64>,
        /// Why nobody knows.
        message: String,
    },
}

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Checked.
    Done,
    /// The platform tried and could not.
    Failed,
    /// The platform did not take it, although it took its batch.
    Refused,
}
