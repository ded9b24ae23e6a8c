//! What goes into a store and comes out of it.

use std::collections::BTreeMap;

use numcheck_protocol::{BatchNo, Currency, Drift, PhoneNumber, Price};

use crate::model::{BatchState, BookState, JobName, Scope};
use crate::proof::SignedSpan;

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
    /// What was read. Personal data.
    pub was: Vec<u8>,
    /// What is to stand there, of the same length. Personal data.
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

/// What a look for the next batch passes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skip {
    /// Groups of which nothing may be sent now.
    pub groups: Vec<String>,
    /// Batches that are not sent again in this run.
    pub batches: Vec<i64>,
}

impl Skip {
    /// From its parts.
    pub fn new(groups: Vec<String>, batches: Vec<i64>) -> Self {
        Self { groups, batches }
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

/// Where a result came from. Together with the service it decides how it is read. Closed: a further way is a change of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The platform pushed it.
    Push,
    /// It was fetched through the query endpoint.
    Query,
    /// The submit's own answer said that the number was not taken: see [`reading::not_taken`](super::reading::not_taken).
    Answer,
    /// The reply of a call that brings its result at once.
    Reply,
}

impl Source {
    /// Its figure in a store's tables.
    pub const fn figure(self) -> i16 {
        match self {
            Self::Push => 0,
            Self::Query => 1,
            Self::Answer => 2,
            Self::Reply => 3,
        }
    }

    /// The source of a figure.
    pub const fn from_figure(figure: i16) -> Self {
        match figure {
            0 => Self::Push,
            1 => Self::Query,
            // Earlier releases wrote one figure for each service.
            3 | 4 => Self::Reply,
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
    /// Batches for which no more may be quarantined, by the `batchNo` that results name.
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

/// What looking at quarantined results again found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reread {
    /// Results that were looked at.
    pub seen: u32,
    /// The key of the last of them, behind which to go on; `None` when there was none.
    pub last: Option<i64>,
    /// Those that left the quarantine, or stay there as second results of a phone number. Never a stray.
    pub entered: Folded,
}

impl Reread {
    /// From its parts.
    pub fn new(seen: u32, last: Option<i64>, entered: Folded) -> Self {
        Self { seen, last, entered }
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

/// Requests of one kind that receivers on a store have turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnedAway {
    /// The receiver's word for the kind, such as `not_found`.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// When the last of them was counted, Unix time in milliseconds.
    pub last_ms: u64,
}

impl TurnedAway {
    /// So many of a kind, the last at a time.
    pub fn new(kind: impl Into<String>, count: u64, last_ms: u64) -> Self {
        Self { kind: kind.into(), count, last_ms }
    }
}

/// How large a store is, and how much waits in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gauges {
    /// Bytes of its tables; `None` where it cannot tell.
    pub bytes: Option<u64>,
    /// Results that are stored and [not entered](super::Store::fold) yet; `None` where it cannot tell.
    pub backlog: Option<u64>,
}

/// How a batch that was claimed stands, and how many results it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchCounts {
    /// The store's own key.
    pub batch: i64,
    /// The job whose plan it is of.
    pub job: i64,
    /// The key of its last claim: the later, the higher.
    pub claim: i64,
    /// Its `batchNo`.
    pub batch_no: BatchNo,
    /// What became of it.
    pub state: BatchState,
    /// Whether results that it lacks were given up.
    pub missing: bool,
    /// How many phone numbers it has.
    pub numbers: u64,
    /// How many of them have a result, or were refused.
    pub settled: u64,
    /// How many of the results are failures.
    pub failed: u64,
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
    /// With which timestamps its attempts were signed, those of its [marks](super::Store::mark) included; `None` when none was ever confirmed.
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
    /// When its batch was last claimed for sending, Unix time in milliseconds; `None` when it never was.
    pub sent_ms: Option<u64>,
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
            sent_ms: None,
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

/// A result that was quarantined.
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
