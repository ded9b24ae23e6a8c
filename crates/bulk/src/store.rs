//! Where jobs live. A store is durable: what a call has returned from survives the process, and the machine's power.
//!
//! A store reads and writes. What a result means and what becomes of it is decided in `fold`, which phone numbers of a batch are
//! sent in `book`, both pure and shared by all stores.

pub(crate) mod drifting;
pub mod reading;

pub use drifting::{MAX_DRIFT_PLACES, further_places};

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use numcheck_protocol::{BatchNo, Currency, Drift, PhoneNumber, Price};

use crate::ledger::Ledger;
use crate::model::{BatchEnd, BatchState, BookState, Job, JobName, JobSpec, Scope};
use crate::pricing::PriceTable;
use crate::proof::SignedSpan;

/// What a call of a store returns: boxed, because the command chooses its store at run time.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where jobs live. Any number of processes may use one at the same time.
///
/// Every call is atomic: it has happened as a whole once it returns, and not at all when it fails.
pub trait Store: Send + Sync + 'static {
    /// Makes a job whose plan is to follow, or returns the newest unfinished job about the same scope and set of phone numbers: then nothing
    /// changes. A job that overrides the book ([`Reuse::is_override`](crate::Reuse::is_override)) continues only one of its own kind, and replaces any other.
    ///
    /// A job of the same scope and set whose plan was never finished is removed, so that whoever was planning it can add nothing more.
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> StoreFuture<'a, Job>;
    /// The job that [`create_job`](Self::create_job) would continue.
    fn unfinished<'a>(&'a self, spec: &'a JobSpec) -> StoreFuture<'a, Option<Job>>;
    /// Adds a piece of the input, in order; the same piece again changes nothing. This and the two below fail with
    /// [`StoreError::Superseded`] unless the job is being planned.
    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> StoreFuture<'_, ()>;
    /// Adds batches of the plan; the order of the calls is the order in which they are sent.
    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> StoreFuture<'_, ()>;
    /// Adds rows that repeat the phone number of an earlier row.
    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> StoreFuture<'_, ()>;
    /// The plan is whole: from now on batches may be sent. Once more changes nothing.
    ///
    /// Fails with [`StoreError::Superseded`] when the job was made anew meanwhile.
    fn finish_plan(&self, job: i64, rows: u64) -> StoreFuture<'_, Job>;
    /// Replaces the rows of a job by those of another spelling of the same set of phone numbers: `rows` has the first row of each, and a
    /// job that is being planned (`from`) holds the new input and duplicates, and ends. Checks, results and costs stay.
    ///
    /// Says `false`, and changes nothing, when the phone numbers are not exactly those of the job.
    fn replace_rows<'a>(
        &'a self,
        job: i64,
        from: i64,
        rows: Vec<(PhoneNumber, u64)>,
        row_count: u64,
        notes: &'a serde_json::Value,
    ) -> StoreFuture<'a, bool>;
    /// A job by its name.
    fn job<'a>(&'a self, name: &'a JobName) -> StoreFuture<'a, Option<Job>>;
    /// All jobs, the newest first.
    fn jobs(&self) -> StoreFuture<'_, Vec<Job>>;
    /// Enters what waits, then removes a job's input, phone numbers and results, so that they cannot be found in the store's files any
    /// more. Its sums stay. What comes for it later is dropped. Checks that other jobs refer to stay, too: it names those jobs.
    ///
    /// While something of its own is under way or in doubt nothing is removed, unless `even_unsettled`: nobody would know any more that it
    /// may be paid for.
    fn forget(&self, job: i64, even_unsettled: bool) -> StoreFuture<'_, Forgotten>;
    /// The jobs with a row of this phone number, the newest first.
    fn jobs_of(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Job>>;
    /// Enters what waits, then removes a phone number from all jobs and from the book, in every scope, with its results, and replaces pieces of
    /// inputs by `without`, which do not show it any more. The jobs' sums stay; a file does not continue them any more.
    ///
    /// While one of those jobs has it planned, under way or in doubt, nothing is removed, and the answer names them. What comes for it later
    /// is kept aside.
    fn forget_number(&self, number: PhoneNumber, without: Vec<InputPiece>) -> StoreFuture<'_, Vec<JobName>>;

    /// What the book knows of each of these phone numbers, in their order; `None` where it knows nothing.
    fn look_up<'a>(
        &'a self,
        scope: &'a Scope,
        numbers: Vec<PhoneNumber>,
    ) -> StoreFuture<'a, Vec<Option<Known>>>;
    /// The scopes of the book.
    fn scopes(&self) -> StoreFuture<'_, Vec<Scope>>;
    /// An account is the same as another, whose fingerprint was made from another spelling of its address: what the book knows of `old`,
    /// it knows of `new` from now on.
    fn merge_account<'a>(&'a self, old: &'a str, new: &'a str) -> StoreFuture<'a, ()>;
    /// Every sending of a phone number, the newest first, whatever the scope.
    fn history(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Sending>>;

    /// Looks the book up for the next planned batches, until one has something to send, and returns it; groups in `skip` are passed over.
    /// Phone numbers with a usable result take it, those under way elsewhere wait for their outcome. A look at what would be sent: the
    /// claim decides.
    fn next_batch<'a>(&'a self, job: i64, skip: &'a [String]) -> StoreFuture<'a, Option<NextBatch>>;
    /// Claims a planned batch of an open job for sending: durably `Sending` before this returns, for `owner`, and nobody else's.
    ///
    /// The book is looked up in the same transaction: the claim holds only phone numbers that are neither settled nor under way nor in doubt
    /// elsewhere, and at most `limit` of them; the rest is planned as a batch of its own. `None` when nothing of it is left to send.
    fn claim<'a>(
        &'a self,
        batch: i64,
        owner: &'a str,
        limit: u64,
        now_ms: u64,
    ) -> StoreFuture<'a, Option<Claimed>>;
    /// Confirms a claim before an attempt is signed with `ts_ms`, and writes that timestamp down durably. `false` when the claim does not
    /// hold any more: then nothing may be sent.
    fn confirm(&self, batch: i64, claim: i64, ts_ms: u64) -> StoreFuture<'_, bool>;
    /// Writes down how sending a batch ended. A batch that has a result already was accepted, whatever the end says. Nothing changes when
    /// `claim` is not the batch's last one, or the batch has ended for good.
    fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()>;
    /// Ends a claim whose owner is dead or silent: in doubt if an attempt was ever confirmed, else planned again, because it was never sent.
    /// `false` when it was not `Sending` under this claim.
    fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool>;
    /// A batch in doubt becomes planned again under a new `batchNo`. For one that the platform has proved not to know. Says whether it was;
    /// it is not when it is no longer in doubt, or was claimed again meanwhile.
    fn plan_again(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool>;
    /// Looks the book up for all planned batches, then plans again every phone number of the job that is in doubt, in whichever job's batch,
    /// and was sent before `before_ms`. A person's decision: it may be paid twice. Says how many phone numbers.
    fn resubmit_doubtful(&self, job: i64, before_ms: u64) -> StoreFuture<'_, u64>;
    /// Brings the rows up to date that wait for other jobs' sendings: takes over the results that came, and plans again what turned out
    /// never to have been sent.
    fn follow(&self, job: i64) -> StoreFuture<'_, Followed>;

    /// Stores pushed or fetched results. Once it returns they are durable; what they mean is found out by [`Store::fold`].
    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()>;
    /// Enters up to `most` stored results into their jobs, each once, whoever else does the same. Says how many it has looked at: fewer
    /// than `most` means that no more are waiting.
    ///
    /// A result proves that its batch was accepted, under the number that the result names: it is not in doubt any more, not refused,
    /// and not sent again if that was planned.
    fn fold(&self, most: u32) -> StoreFuture<'_, Folded>;
    /// Whether a result for this phone number of a batch is still expected: for a receiver that has to choose.
    fn expects<'a>(&'a self, batch_no: &'a str, number: PhoneNumber) -> StoreFuture<'a, bool>;

    /// Whether as much is kept aside for a batch as may be: then only what is [expected](Store::expects) is to be taken in.
    fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool>;

    /// Sent batches that lack results: the job's own, and those of other jobs that its rows wait for.
    fn open_batches(&self, job: i64) -> StoreFuture<'_, Vec<OpenBatch>>;
    /// Accepted batches of a scope whose first attempt was signed after `after_ms`, those with a failed check first, then the smallest, at most
    /// `most`: by them an absence can be judged.
    fn controls<'a>(&'a self, scope: &'a Scope, after_ms: u64, most: u32) -> StoreFuture<'a, Vec<Control>>;
    /// An accepted batch's remaining phone numbers are missing: the platform had its time, and was asked. Says how many; results that come
    /// later are entered all the same.
    fn mark_missing(&self, batch: i64, claim: i64) -> StoreFuture<'_, u64>;

    /// The account of a job.
    fn ledger(&self, job: i64) -> StoreFuture<'_, Ledger>;
    /// How many phone numbers are in a job's planned batches, by group. The ledger's `planned` may be more: it counts those, too, that wait for
    /// another job's batch which will never be sent.
    fn planned_groups(&self, job: i64) -> StoreFuture<'_, BTreeMap<String, u64>>;
    /// What an account has been charged by results that came since `since_ms`, and what is under way or in doubt for it, by level and group.
    fn spending<'a>(&'a self, account: &'a str, since_ms: u64) -> StoreFuture<'a, Spending>;
    /// How many batches of a group the job has sent.
    fn sent_in_group<'a>(&'a self, job: i64, group: &'a str) -> StoreFuture<'a, u64>;
    /// Rows with their numbers' fate, in the input's order, from behind `after_row`. Duplicates follow the first row's fate.
    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> StoreFuture<'_, Vec<RowFate>>;
    /// A piece of the input; `None` behind the last.
    fn input(&self, job: i64, sequence: u32) -> StoreFuture<'_, Option<Vec<u8>>>;
    /// Counts drift in replies about a job. Says what of it is new.
    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> StoreFuture<'_, Vec<Drift>>;
    /// Undocumented fields and values (drift) in a job's results and replies, by place, and how often.
    fn drift(&self, job: i64) -> StoreFuture<'_, Vec<Drifted>>;
    /// Results that belong to no number of any job, or cannot be read; and second results of a number with other content.
    fn quarantine(&self, after: i64, most: u32) -> StoreFuture<'_, Vec<Quarantined>>;

    /// The highest price of each level and group that results of any job have shown, by currency.
    fn prices(&self) -> StoreFuture<'_, PriceTable>;
    /// Takes the next turn of a bucket that all processes share: how long to wait for it, in milliseconds. Two turns lie as far apart as
    /// the longer of their two intervals. A turn that is not used is lost, and pauses are not saved up.
    ///
    /// A store on a server goes by the server's clock, because several machines share it; another one by `now_ms`. Where a clock was set
    /// back by more than [`MAX_TURN_AHEAD_MS`], nobody waits for the time that it showed before.
    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64>;
    /// Remembers something about an account or a platform, such as its dialect; a later word replaces it.
    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> StoreFuture<'a, ()>;
    /// What was learnt under a name.
    fn learnt<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>>;
    /// A secret of this store, made once from `fresh` and then kept: the receiver's key.
    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>>;
}

/// How far ahead turns are given out at most, in milliseconds: as many as some hundred processes can wait for at once.
pub const MAX_TURN_AHEAD_MS: u64 = 600_000;

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

/// A planned batch with something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextBatch {
    /// The store's own key.
    pub batch: i64,
    /// What its phone numbers have in common.
    pub group: String,
    /// How many phone numbers it would send; 0 when there is more to look at: ask again.
    pub numbers: u64,
    /// It is claimed as a whole or not at all, because results of an earlier sending may still come for it.
    pub indivisible: bool,
}

impl NextBatch {
    /// A batch that would send so many phone numbers, and may be cut.
    pub fn new(batch: i64, group: impl Into<String>, numbers: u64) -> Self {
        Self { batch, group: group.into(), numbers, indivisible: false }
    }

    /// The same, to be claimed as a whole.
    #[must_use]
    pub fn with_indivisible(self, indivisible: bool) -> Self {
        Self { indivisible, ..self }
    }
}

/// A claimed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// The store's own key.
    pub batch: i64,
    /// The key of the claim: a batch is claimed once at a time, and every claim has a key of its own.
    pub claim: i64,
    /// Its `batchNo`.
    pub batch_no: BatchNo,
    /// What its phone numbers have in common.
    pub group: String,
    /// Its phone numbers.
    pub numbers: Vec<PhoneNumber>,
}

impl Claimed {
    /// A batch claimed under `claim`, with its phone numbers in the order of their rows.
    pub fn new(
        batch: i64,
        claim: i64,
        batch_no: BatchNo,
        group: impl Into<String>,
        numbers: Vec<PhoneNumber>,
    ) -> Self {
        Self { batch, claim, batch_no, group: group.into(), numbers }
    }
}

/// What the book knows of a phone number, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// How far its check is.
    pub state: BookState,
    /// When its result came, or its batch was claimed: Unix time in milliseconds.
    pub at_ms: u64,
    /// The job whose batch it is in.
    pub job: i64,
}

impl Known {
    /// A check that is so far since `at_ms`, in a batch of `job`.
    pub fn new(state: BookState, at_ms: u64, job: i64) -> Self {
        Self { state, at_ms, job }
    }
}

/// One sending of a phone number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sending {
    /// What was paid for.
    pub scope: Scope,
    /// The job that sent it.
    pub job: JobName,
    /// The `batchNo`.
    pub batch_no: String,
    /// How far the batch is.
    pub batch: BatchState,
    /// When the batch was claimed, Unix time in milliseconds.
    pub sent_ms: Option<u64>,
    /// Its result, and when it came.
    pub result: Option<(Source, Vec<u8>, u64)>,
}

impl Sending {
    /// A sending by a job's batch, without a result.
    pub fn new(scope: Scope, job: JobName, batch_no: impl Into<String>, batch: BatchState) -> Self {
        Self { scope, job, batch_no: batch_no.into(), batch, sent_ms: None, result: None }
    }

    /// With the time at which the batch was claimed.
    #[must_use]
    pub fn with_sent_ms(self, sent_ms: Option<u64>) -> Self {
        Self { sent_ms, ..self }
    }

    /// With a result, and the time at which it came.
    #[must_use]
    pub fn with_result(self, result: Option<(Source, Vec<u8>, u64)>) -> Self {
        Self { result, ..self }
    }
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending")
            .field("scope", &self.scope)
            .field("job", &self.job)
            .field("batch_no", &self.batch_no)
            .field("batch", &self.batch)
            .field("has_result", &self.result.is_some())
            .finish_non_exhaustive()
    }
}

/// A piece of a job's input.
#[derive(Clone, PartialEq, Eq)]
pub struct InputPiece {
    /// The job.
    pub job: i64,
    /// Which piece, from 0.
    pub sequence: u32,
    /// Its bytes. Personal data.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for InputPiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InputPiece")
            .field("job", &self.job)
            .field("sequence", &self.sequence)
            .field("length", &self.bytes.len())
            .finish()
    }
}

/// What forgetting a job has left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// The job's own phone numbers under way or in doubt. Unless that was overridden, nothing was removed.
    pub unsettled: u64,
    /// Jobs that refer to checks of the forgotten one, and how many.
    pub kept_for: Vec<(JobName, u64)>,
}

impl Forgotten {
    /// What is unsettled of the job, and for which jobs checks of it stay.
    pub fn new(unsettled: u64, kept_for: Vec<(JobName, u64)>) -> Self {
        Self { unsettled, kept_for }
    }
}

/// What following other jobs' sendings has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Followed {
    /// Rows that took over a result.
    pub reused: u64,
    /// Phone numbers that are planned again.
    pub planned: u64,
}

impl Followed {
    /// Rows that took over a result, and phone numbers that are planned again.
    pub fn new(reused: u64, planned: u64) -> Self {
        Self { reused, planned }
    }
}

/// An accepted batch by which an absence can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Control {
    /// The store's own key.
    pub batch: i64,
    /// Its `batchNo`.
    pub batch_no: BatchNo,
    /// With which timestamps it was signed.
    pub signed: SignedSpan,
    /// How many phone numbers the platform took.
    pub numbers: u64,
    /// How many of them are known to have failed.
    pub failed: u64,
}

impl Control {
    /// An accepted batch of which the platform took so many phone numbers, some of them known to have failed.
    pub fn new(batch: i64, batch_no: BatchNo, signed: SignedSpan, numbers: u64, failed: u64) -> Self {
        Self { batch, batch_no, signed, numbers, failed }
    }
}

/// What an account has spent, and what is still to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// What results have cost, by currency; `None` beyond the range of a price.
    pub charged: Option<BTreeMap<Currency, Price>>,
    /// Phone numbers under way or in doubt, by level and group.
    pub under_way: BTreeMap<(i64, String), u64>,
    /// Results without a believed price, and sendings that a person had repeated, of which nothing has come so far; by level, of batches
    /// claimed since the day before. They may have cost anything.
    pub unpriced: BTreeMap<i64, u64>,
}

impl Spending {
    /// Nothing was spent, and nothing is to come.
    pub fn new() -> Self {
        Self { charged: Some(BTreeMap::new()), ..Self::default() }
    }

    /// Adds a charge.
    pub fn charge(&mut self, currency: Currency, amount: Price) {
        let Some(charged) = &mut self.charged else { return };
        let before = charged.get(&currency).copied().unwrap_or_default();
        match before.checked_add(amount) {
            Some(sum) => _ = charged.insert(currency, sum),
            None => self.charged = None,
        }
    }
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

impl NewResult {
    /// By what it is read.
    pub(crate) fn parts(&self) -> (Source, &[u8]) {
        (self.source, &self.body)
    }
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
    /// The reply of an instant check.
    Get,
    /// The reply of a privacy query.
    Privacy,
}

impl Source {
    /// Its figure in a store's tables.
    pub const fn figure(self) -> i16 {
        match self {
            Self::Push => 0,
            Self::Query => 1,
            Self::Answer => 2,
            Self::Get => 3,
            Self::Privacy => 4,
        }
    }

    /// The source of a figure.
    pub const fn from_figure(figure: i16) -> Self {
        match figure {
            0 => Self::Push,
            1 => Self::Query,
            3 => Self::Get,
            4 => Self::Privacy,
            _ => Self::Answer,
        }
    }
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
    /// Of these: of no phone number that is known.
    pub strays: u32,
    /// Of these: a result of a second sending, which was charged as well.
    pub charged_again: u32,
    /// Batches for which no more may be kept aside, by the `batchNo` that results name.
    pub full: Vec<String>,
    /// What in first results no document lists, and no result of the same job held before.
    pub news: Vec<Drift>,
}

impl Folded {
    /// Adds what another fold found.
    pub fn add(&mut self, other: Self) {
        self.seen += other.seen;
        self.first += other.first;
        self.repeats += other.repeats;
        self.conflicts += other.conflicts;
        self.strays += other.strays;
        self.charged_again += other.charged_again;
        self.full.extend(other.full);
        self.news.extend(other.news);
    }
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

impl Drifted {
    /// A drift that so many results held.
    pub fn new(drift: Drift, count: u64) -> Self {
        Self { drift, count }
    }
}

/// A sent batch that lacks results.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenBatch {
    /// The store's own key.
    pub batch: i64,
    /// The job whose plan it is of; another one's where rows wait for it.
    pub job: i64,
    /// The key of its last claim.
    pub claim: i64,
    /// Who claimed it.
    pub owner: String,
    /// Its `batchNo`.
    pub batch_no: BatchNo,
    /// What its phone numbers have in common.
    pub group: String,
    /// `Sending`, `InDoubt` or `Accepted`.
    pub state: BatchState,
    /// When it was claimed, Unix time in milliseconds.
    pub sent_ms: u64,
    /// With which timestamps its attempts were signed; `None` when none was ever confirmed.
    pub signed: Option<SignedSpan>,
    /// Whether its doubt came from a reply.
    pub from_reply: bool,
    /// How many phone numbers it has.
    pub numbers: u64,
    /// How many of them have a result.
    pub settled: u64,
    /// Whether the rest was given up.
    pub missing: bool,
    /// Why it is in doubt.
    pub message: Option<String>,
}

impl OpenBatch {
    /// A batch of a job with so many phone numbers, of which none has a result. All else can be set.
    pub fn new(batch: i64, job: i64, batch_no: BatchNo, state: BatchState, numbers: u64) -> Self {
        Self {
            batch,
            job,
            claim: 0,
            owner: String::new(),
            batch_no,
            group: String::new(),
            state,
            sent_ms: 0,
            signed: None,
            from_reply: false,
            numbers,
            settled: 0,
            missing: false,
            message: None,
        }
    }
}

/// A row of the input and what became of its number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowFate {
    /// The row, counted from 0.
    pub row: u64,
    /// Whether it repeats the number of an earlier row.
    pub duplicate: bool,
    /// Its phone number.
    pub number: PhoneNumber,
    /// Whether another sending than the job's own is meant: a result of the book, or one that is waited for.
    pub reused: bool,
    /// The `batchNo` of its batch.
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
    /// When its result came, Unix time in milliseconds.
    pub received_ms: Option<u64>,
}

impl RowFate {
    /// A row whose phone number is in a batch, without a result. All else can be set.
    pub fn new(row: u64, number: PhoneNumber, batch_no: impl Into<String>, state: BatchState) -> Self {
        Self {
            row,
            duplicate: false,
            number,
            reused: false,
            batch_no: batch_no.into(),
            state,
            missing: false,
            code: None,
            message: None,
            result: None,
            received_ms: None,
        }
    }
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
pub struct Quarantined {
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

impl Quarantined {
    /// A result, stored under `id`, that named `batch_no`.
    pub fn new(
        id: i64,
        batch_no: impl Into<String>,
        conflict: bool,
        body: Vec<u8>,
        received_ms: u64,
    ) -> Self {
        Self { id, batch_no: batch_no.into(), conflict, body, received_ms }
    }
}

impl std::fmt::Debug for Quarantined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Quarantined({}, {} bytes)", self.id, self.body.len())
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
    /// As much is quarantined for a batch as may be: only results of its phone numbers that lack one are taken in.
    #[error(
        "the batch has as many results in quarantine as it may have, so this one was not stored: look at them with `numcheck receive --show-quarantine`"
    )]
    QuarantineFull,
    /// Another batch of this store has the `batchNo` of a batch that was to be planned.
    #[error(
        "the batchNo {batch_no} is that of another batch in this store, so the plan was not stored: a batchNo that repeats is charged again or merged by the platform. Plan the job under another name"
    )]
    #[non_exhaustive]
    BatchNoTaken {
        /// Which.
        batch_no: String,
    },
    /// Its own thread or connection has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The database said no to what was being done, and nothing of it has happened. `what` follows "the store could not".
    pub fn database(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Database { what, source: source.into() }
    }

    /// Nobody knows whether what was being done has happened. `what` follows "when it was to".
    pub fn unanswered(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unanswered { what, source: source.into() }
    }

    /// The store holds what it cannot hold.
    pub fn damaged(what: &'static str) -> Self {
        Self::Damaged { what }
    }

    /// Another batch has the `batchNo` of a batch that was to be planned.
    pub fn batch_no_taken(batch_no: impl Into<String>) -> Self {
        Self::BatchNoTaken { batch_no: batch_no.into() }
    }
}
