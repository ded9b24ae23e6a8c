//! Where jobs live. A store is durable: what a call has returned from survives the process, and the machine's power.
//!
//! A store reads and writes. What results become is decided in [`fold`](crate::fold), what becomes of batches in [`batch`](crate::batch),
//! which of their phone numbers are sent in [`book`](crate::book): all three are pure, and shared by all stores. Whoever writes one of
//! their own holds it against the `conformance` suite of the feature `test-util`; `examples/own_store` shows one.

pub(crate) mod drifting;
mod error;
mod facts;
pub mod reading;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use numcheck_protocol::{Drift, PhoneNumber};

pub use drifting::{MAX_DRIFT_PLACES, further_places};
pub use error::StoreError;
pub use values::{
    BatchCounts, Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, Gauges, InputPiece,
    Known, NewBatch, NewResult, NextBatch, OpenBatch, Quarantined, Reread, RowFate, Sending, Skip, Source,
    Spending, TurnedAway,
};

use crate::ledger::Ledger;
use crate::model::{BatchEnd, Job, JobName, JobSpec, Scope};
use crate::pricing::PriceTable;

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
    /// is quarantined. Fails with [`StoreError::Superseded`], and removes nothing, where an input is not what was read, or another job with an
    /// input has got the phone number meanwhile.
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
    fn next_batch<'a>(&'a self, job: i64, skip: &'a Skip) -> StoreFuture<'a, Option<NextBatch>>;
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
    /// Writes down how sending a batch ended. A batch that has a result already was accepted, whatever the end says. The platform's
    /// id of an accepted one is a name of the batch from then on, for results that name no other. Nothing changes when
    /// `claim` is not the batch's last one, or the batch has ended for good.
    fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()>;
    /// Confirms a claim for one phone number of it, before a request about that number alone is signed with `ts_ms`, and writes that
    /// timestamp down durably (its mark), once in a claim. `false` when the claim does not hold any more, or the number is not its own, is
    /// marked already, or has a result: then nothing may be sent.
    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool>;
    /// [Stores](Store::append) results, then [marks](Store::mark) a phone number: together where the store can, which is one commit then. Where
    /// it fails the results may be stored.
    fn append_and_mark(
        &self,
        results: Vec<NewResult>,
        batch: i64,
        claim: i64,
        number: PhoneNumber,
        ts_ms: u64,
    ) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            self.append(results).await?;
            self.mark(batch, claim, number, ts_ms).await
        })
    }
    /// Ends a claim whose phone numbers were sent one by one: enters what waits, then leaves those with a result in the batch, which was
    /// accepted, and moves the others into batches of their own ([`split`](crate::batch::split)); `ends` says how requests ended. What
    /// stays and what moves is decided by [`BatchRecord::end_each`](crate::batch::BatchRecord::end_each).
    ///
    /// Nothing changes when the batch is not being sent under this claim. That of a forgotten job is given up as a whole.
    fn end_each(
        &self,
        batch: i64,
        claim: i64,
        ends: Vec<(PhoneNumber, BatchEnd)>,
        now_ms: u64,
    ) -> StoreFuture<'_, ()>;
    /// Ends a claim whose owner is dead or silent: in doubt if an attempt was ever confirmed, else planned again, because it was never sent.
    /// Where phone numbers were [marked](Self::mark), each by itself, as [`end_each`](Self::end_each) without an end.
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
    /// Enters results that were quarantined without a phone number and belong to one now, because this program reads more than the one that
    /// quarantined them, or their batch came later. It looks at the next `most` of them behind the key `after` (0 at first), as
    /// [`fold`](Self::fold) does at what waits; what still belongs to none stays in quarantine. Once more enters nothing twice.
    ///
    /// What in a result no document lists counts as drift once more where it could be read before.
    fn reread(&self, after: i64, most: u32) -> StoreFuture<'_, Reread>;
    /// Whether a pushed result is that of a phone number of the batch which still lacks one: for a receiver that has to choose.
    fn expects<'a>(&'a self, batch_no: &'a str, body: &'a [u8]) -> StoreFuture<'a, bool>;

    /// Whether as much is quarantined for a batch as may be: then only what is [expected](Store::expects) is to be taken in.
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
    /// Adds to the counts of what receivers have turned away. Kinds are few and named by programs, never by a request.
    fn note_turned_away(&self, kinds: Vec<TurnedAway>) -> StoreFuture<'_, ()>;
    /// What receivers have turned away since the store was made, by kind.
    fn turned_away(&self) -> StoreFuture<'_, Vec<TurnedAway>>;

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
    /// When the original was copied, Unix time in milliseconds, where this store is a copy that nobody has [adopted](Self::adopt): claims fail
    /// with [`StoreError::Copy`] then.
    fn copied_ms(&self) -> StoreFuture<'_, Option<u64>> {
        Box::pin(async { Ok(None) })
    }
    /// A copy takes the place of the original: from now on it may be paid from. A person's decision: what the original has sent since it was copied
    /// is paid twice when it is sent again.
    fn adopt(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    /// Finds out whether something can be written durably. It changes nothing that matters.
    fn probe(&self, _now_ms: u64) -> StoreFuture<'_, ()> {
        Box::pin(async { self.turned_away().await.map(drop) })
    }
    /// How large the store is, and how much waits in it, as far as it can tell cheaply.
    fn gauges(&self) -> StoreFuture<'_, Gauges> {
        Box::pin(async { Ok(Gauges::default()) })
    }
    /// How batches stand: those whose last claim is later than this one (0: all that were claimed), and these, in any order. For people; a store
    /// without it tells of none.
    fn batch_counts(&self, _after_claim: i64, _batches: Vec<i64>) -> StoreFuture<'_, Vec<BatchCounts>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    /// A secret of this store, made once from `fresh` and then kept: the receiver's key.
    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>>;
}

impl fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// How far ahead turns are given out at most, in milliseconds: as many as some hundred processes can wait for at once.
pub const MAX_TURN_AHEAD_MS: u64 = 600_000;
