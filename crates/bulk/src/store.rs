//! Where jobs live. A store is durable: what a call has returned from survives the process, and the machine's power.
//!
//! It must not decide anything: whether a batch may be sent is [`crate::Drive`]'s, what a result means is [`reading`]'s.

pub(crate) mod drifting;
pub mod reading;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use numcheck_protocol::{BatchNo, Drift, PhoneNumber};

use crate::ledger::Ledger;
use crate::model::{BatchEnd, BatchState, Job, JobName, JobSpec};
use crate::pricing::PriceTable;

/// A store's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where jobs live. Any number of processes may use one at the same time.
///
/// Every call is atomic: it has happened as a whole once it returns, and not at all when it fails.
pub trait Store: Send + Sync + 'static {
    /// Makes a job whose plan is to follow, or finds the one of that name: then nothing changes. A job whose plan was never finished is
    /// removed and made anew under another key, so that whoever was planning it can add nothing more.
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> Answer<'a, Job>;
    /// Adds a piece of the input, in order; the same piece again changes nothing. This and the two below fail with
    /// [`StoreError::Superseded`] unless the job is being planned.
    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> Answer<'_, ()>;
    /// Adds batches of the plan; the order of the calls is the order in which they are sent.
    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> Answer<'_, ()>;
    /// Adds rows that repeat the number of an earlier row.
    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> Answer<'_, ()>;
    /// The plan is whole: from now on batches may be sent. Once more changes nothing.
    ///
    /// Fails with [`StoreError::Superseded`] when the job was made anew meanwhile.
    fn finish_plan(&self, job: i64, rows: u64) -> Answer<'_, Job>;
    /// A job by its name.
    fn job<'a>(&'a self, name: &'a JobName) -> Answer<'a, Option<Job>>;
    /// All jobs, the newest first.
    fn jobs(&self) -> Answer<'_, Vec<Job>>;
    /// Enters what waits, then removes a job's input, numbers and results, so that they cannot be found in the store's files any more.
    /// Its sums stay. What comes for it later is dropped. Once more changes nothing.
    fn forget(&self, job: i64) -> Answer<'_, ()>;

    /// How many numbers the batch has that would be taken next; `None` when nothing is planned. Only a look: another one may take it.
    fn next_size(&self, job: i64) -> Answer<'_, Option<u64>>;
    /// Takes a planned batch of an open job for sending: durably `Sending` before this returns, for `owner`, and nobody else's. It has
    /// only numbers without a result.
    fn claim<'a>(&'a self, job: i64, owner: &'a str, now_ms: u64) -> Answer<'a, Option<Claimed>>;
    /// Writes down how sending a batch ended. A batch that has a result already was accepted, whatever the end says.
    ///
    /// `batch_no` is the number under which it was sent. When it was planned again under another one meanwhile, nothing changes: what
    /// became of the first sending says nothing about the second. Nor does it when the batch has ended for good.
    fn end<'a>(&'a self, batch: i64, batch_no: &'a BatchNo, end: BatchEnd, now_ms: u64) -> Answer<'a, ()>;
    /// Batches that are `Sending` since before `before_ms` become `InDoubt`, or `Accepted` where there is a result: their sender has
    /// died. Nobody wrote an end, so they have no time of one. Says how many.
    fn give_up_sending(&self, job: i64, before_ms: u64) -> Answer<'_, u64>;
    /// A batch in doubt becomes planned again under a new number. For one that the platform has proved not to know under `batch_no`,
    /// or when a person decided so. Says whether it was; it is not when it is no longer in doubt, or has another number by now.
    fn plan_again<'a>(&'a self, batch: i64, batch_no: &'a BatchNo) -> Answer<'a, bool>;

    /// Stores pushed or fetched results. Once it returns they are durable; what they mean is found out by [`Store::fold`].
    fn append(&self, results: Vec<NewResult>) -> Answer<'_, ()>;
    /// Enters up to `most` stored results into their jobs, each once, whoever else does the same. Says how many it has looked at: fewer
    /// than `most` means that no more are waiting.
    ///
    /// A result proves that its batch was accepted, under the number that the result names: it is not in doubt any more, not refused,
    /// and not sent again if that was planned.
    fn fold(&self, most: u32) -> Answer<'_, Folded>;

    /// Sent batches of an open job that lack results.
    fn open_batches(&self, job: i64) -> Answer<'_, Vec<OpenBatch>>;
    /// An accepted batch's remaining numbers are missing: the platform had its time, and was asked under `batch_no`. Says how many;
    /// results that come later are entered all the same.
    fn mark_missing<'a>(&'a self, batch: i64, batch_no: &'a BatchNo) -> Answer<'a, u64>;

    /// The account of a job.
    fn ledger(&self, job: i64) -> Answer<'_, Ledger>;
    /// Rows with their numbers' fate, in the input's order, from behind `after_row`. Duplicates follow the first row's fate.
    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> Answer<'_, Vec<RowFate>>;
    /// A piece of the input; `None` behind the last.
    fn input(&self, job: i64, sequence: u32) -> Answer<'_, Option<Vec<u8>>>;
    /// What in answers about a job no document lists: counted with what results held. Says what of it is new.
    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> Answer<'_, Vec<Drift>>;
    /// What in a job's results and answers no document lists, by place, and how often.
    fn drift(&self, job: i64) -> Answer<'_, Vec<Drifted>>;
    /// Results that belong to no number of any job, or cannot be read; and second results of a number with other content.
    fn quarantine(&self, after: i64, most: u32) -> Answer<'_, Vec<Odd>>;

    /// Prices that results of any job have shown, the latest of each level and group.
    fn prices(&self) -> Answer<'_, PriceTable>;
    /// Takes the next turn of a bucket that all processes share: how long to wait for it, in milliseconds. Two turns lie as far apart as
    /// the longer of their two intervals. A turn that is not used is lost, and pauses are not saved up.
    ///
    /// A store on a server goes by the server's clock, because several machines share it; another one by `now_ms`. Where a clock was set
    /// back by more than [`MOST_AHEAD_MS`], nobody waits for the time that it showed before.
    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> Answer<'a, u64>;
    /// Remembers something about an account or a platform, such as its dialect; a later word replaces it.
    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> Answer<'a, ()>;
    /// What was learnt under a name.
    fn learnt<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>>;
    /// A secret of this store, made once from `fresh` and then kept: the receiver's key.
    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> Answer<'a, Vec<u8>>;
}

/// How far ahead turns are given out at most, in milliseconds: as many as some hundred processes can wait for at once.
pub const MOST_AHEAD_MS: u64 = 600_000;

/// A batch of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    /// Its number on the wire.
    pub batch_no: BatchNo,
    /// What its numbers have in common, for people: `CN`.
    pub group: String,
    /// Its numbers and the rows in which they stand first, counted from 0.
    pub numbers: Vec<(PhoneNumber, u64)>,
}

/// A row that repeats the number of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The row.
    pub row: u64,
    /// The row in which the number stands first.
    pub first: u64,
}

/// A batch that was taken for sending.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// The store's own key.
    pub batch: i64,
    /// Its number on the wire.
    pub batch_no: BatchNo,
    /// What its numbers have in common.
    pub group: String,
    /// Its numbers.
    pub numbers: Vec<PhoneNumber>,
}

/// A result to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct NewResult {
    /// The batch that the capability of the push named, or that was asked for.
    pub batch_no: String,
    /// Where it came from.
    pub source: Source,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When, Unix time in milliseconds.
    pub received_ms: u64,
}

impl std::fmt::Debug for NewResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewResult({:?}, {} bytes)", self.source, self.body.len())
    }
}

/// Where a result came from, which decides how it is read. Closed: a further way is a change of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The platform pushed it.
    Push,
    /// It was fetched through the query endpoint.
    Query,
    /// The submit's own answer said that the number was not taken: see [`reading::not_taken`].
    Answer,
}

/// What a fold found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Results that were looked at.
    pub seen: u32,
    /// Of these: the first of their number.
    pub first: u32,
    /// Of these: the same again.
    pub repeats: u32,
    /// Of these: a second one with other content.
    pub conflicts: u32,
    /// Of these: of no number that is known.
    pub strays: u32,
    /// What in first results no document lists, and no result of the same job held before.
    pub news: Vec<Drift>,
}

/// How often a job's platform has sent something that no document lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drifted {
    /// What.
    pub drift: Drift,
    /// How many results held it.
    pub count: u64,
}

/// A sent batch that lacks results.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenBatch {
    /// The store's own key.
    pub batch: i64,
    /// Its number on the wire.
    pub batch_no: BatchNo,
    /// What its numbers have in common.
    pub group: String,
    /// `Sending`, `InDoubt` or `Accepted`.
    pub state: BatchState,
    /// When it was taken for sending, Unix time in milliseconds: its request was signed then at the earliest.
    pub sent_ms: u64,
    /// When its sender wrote down its end: its request was signed then at the latest. `None` when the sender died first.
    pub ended_ms: Option<u64>,
    /// How many numbers it has.
    pub numbers: u64,
    /// How many of them have a result.
    pub settled: u64,
    /// Whether the rest was given up.
    pub missing: bool,
    /// Why it is in doubt.
    pub message: Option<String>,
}

/// A row of the input and what became of its number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowFate {
    /// The row, counted from 0.
    pub row: u64,
    /// Whether it repeats the number of an earlier row.
    pub duplicate: bool,
    /// Its number.
    pub number: PhoneNumber,
    /// Its batch's number on the wire.
    pub batch_no: String,
    /// How far its batch is.
    pub state: BatchState,
    /// Whether the rest of its batch was given up.
    pub missing: bool,
    /// The code with which its batch was refused.
    pub code: Option<i64>,
    /// Why its batch was refused or is in doubt.
    pub message: Option<String>,
    /// Its result.
    pub result: Option<(Source, Vec<u8>)>,
}

impl std::fmt::Debug for RowFate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowFate")
            .field("row", &self.row)
            .field("number", &self.number)
            .field("state", &self.state)
            .field("has_result", &self.result.is_some())
            .finish_non_exhaustive()
    }
}

/// A result that was kept aside.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Odd {
    /// The store's own key.
    pub id: i64,
    /// The batch that it named.
    pub batch_no: String,
    /// Whether it is a second result of a number; else it belongs to none.
    pub conflict: bool,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When it came.
    pub received_ms: u64,
}

impl std::fmt::Debug for Odd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Odd({}, {} bytes)", self.id, self.body.len())
    }
}

/// A store that could not do what it was asked. Nothing of it has happened, except where [`Unanswered`](Self::Unanswered) says
/// that nobody knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database said no: a full disk, a lost connection, a lock that was held too long.
    #[error("the store could not {what}; nothing was changed")]
    #[non_exhaustive]
    Database {
        /// What it was doing.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database was told to keep it, and its answer was lost: it may have happened, or not.
    #[error("the store's answer was lost when it was to {what}: it may have happened")]
    #[non_exhaustive]
    Unanswered {
        /// What it was doing.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer release wrote it.
    #[error(
        "the store was written by a newer release (version {found}, this one knows {known}): use that release"
    )]
    #[non_exhaustive]
    TooNew {
        /// Its version.
        found: i64,
        /// The newest that this release knows.
        known: i64,
    },
    /// It holds what it cannot hold.
    #[error("the store is damaged: {what}")]
    #[non_exhaustive]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// The job is not being planned any more: another process has begun its plan anew, or has finished it.
    #[error("another process plans the same job: let it finish, then run the command again")]
    Superseded,
    /// There is no file.
    #[error("there is no store at {}", .path.display())]
    #[non_exhaustive]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The file has no bytes, or no tables: nothing that was ever closed as a store looks like that.
    #[error(
        "the file {} holds nothing: the store was emptied or never completed. Put a backup in its place; for a new store remove the file, or name another one",
        .path.display()
    )]
    #[non_exhaustive]
    Emptied {
        /// Which.
        path: PathBuf,
    },
    /// The file was left open, and its journal is not there: what was written last is missing.
    #[error(
        "the store is incomplete: its side file {} is missing, and with it what was written last. The store was copied while a process had it open, or the side file was removed: put that file back beside it, or copy the store again once no process has it open, or use a backup",
        .missing.display()
    )]
    #[non_exhaustive]
    Incomplete {
        /// The side file.
        missing: PathBuf,
    },
    /// The file was closed, and the journal beside it is of another one, or of an earlier time.
    #[error(
        "the side file {} does not belong to the store beside it: the store was put in the place of one that was still open. Move the side file (and the -shm beside it) away to use the store as it was put there; what only the side file holds is not in it",
        .journal.display()
    )]
    #[non_exhaustive]
    ForeignJournal {
        /// The side file.
        journal: PathBuf,
    },
    /// It is of an older release, and another process keeps it from being brought up to date.
    #[error(
        "the store is of an older release and must be brought up to date, but another process has it open, perhaps that release: end it, then run the command again; nothing was changed"
    )]
    InUse,
    /// It is somebody else's.
    #[error("this is no store, but a database of something else: name another one")]
    NotAStore,
    /// Its own thread or connection has ended.
    #[error("the store is closed")]
    Closed,
}
