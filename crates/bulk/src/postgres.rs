//! The store on a server: PostgreSQL 15 or later, for any number of processes on any number of machines.
//!
//! It answers once the server has what it was given: every commit is synchronous, and a commit whose answer was lost is an error. What a batch or a number becomes is decided under row locks or conditions, never by what was read before. Locks are taken in one
//! order: that of settling, that of a scope, then rows as `book` says.

mod address;
mod append;
mod batches;
mod book;
mod drift;
mod each;
mod fault;
mod fold;
mod follow;
mod jobs;
mod pool;
mod reading;
mod schema;
mod session;
mod tls;
mod values;
mod waits;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use numcheck_protocol::{Drift, PhoneNumber};

use crate::ledger::Ledger;
use crate::model::{BatchEnd, Job, JobName, JobSpec, Scope};
use crate::pricing::PriceTable;
use crate::store::drifting;
use crate::store::reading::SharedReader;
use crate::store::{
    Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, InputPiece, Known, NewBatch,
    NewResult, NextBatch, OpenBatch, Quarantined, RowFate, Sending, Spending, Store, StoreError, StoreFuture,
};

use address::Address;
use append::Appender;
use pool::{Pool, Purpose};
use session::Session;

/// A store on a PostgreSQL server, in the schema `numcheck` of one database.
///
/// It opens up to six connections as they are needed, and opens new ones when the server was away. It belongs to the tokio runtime
/// in which it was opened.
///
/// Between it and the server there must be nothing that hands one connection to several clients by turns (PgBouncer's pooling by
/// transaction or statement): what it asks of a session holds for the whole session.
pub struct Postgres {
    pool: Arc<Pool>,
    appender: Appender,
    /// Turns follow the time that callers name.
    callers_time: bool,
    is_new: bool,
    location: String,
}

impl fmt::Debug for Postgres {
    /// Without the address, which holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

impl Postgres {
    /// Opens the store at `postgres://user:password@host:port/database`, or makes it; one of an older release is brought up to date. Results
    /// are read by `reader`.
    ///
    /// The address is a secret, and appears in no error and no log. Everything that libpq's addresses may name is understood, except
    /// client certificates and files of passwords. A socket's folder is written `postgres://user@/database?host=/run/postgresql`.
    ///
    /// A host that is not this machine is reached by TLS, and its certificate is held against its name and the authorities that the
    /// operating system trusts, or those of the PEM file in `sslrootcert=PATH`. `sslmode=disable` is the word for doing without; all
    /// other values of `sslmode` mean `verify-full` there.
    ///
    /// To make or to update the store, the user must be allowed to create the schema `numcheck`; later, to read and write its tables.
    ///
    /// # Errors
    /// When the address cannot be read, the server cannot be reached or is older than 15, the database is not in UTF-8, the server
    /// promises no durability (`fsync = off`), or the store is a newer release's.
    pub async fn open(address: &str, reader: SharedReader) -> Result<Self, StoreError> {
        let address = Address::parse(address).map_err(fault::database("read its address"))?;
        let pool = Pool::new(address, reader);
        let schema::Opened { is_new, location } =
            pool.call_once("open the database", schema::migrate).await?;
        let appender = Appender::start(&pool);
        Ok(Self { pool, appender, callers_time: false, is_new, location })
    }

    /// Whether opening it has made it.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Which database of which server it is, for people: as the server names itself, without the user and the password.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Turns ([`Store::take_turn`]) follow the time that callers name, instead of the server's clock. For tests: callers on several
    /// machines name several times.
    #[must_use]
    pub fn by_the_callers_clock(self) -> Self {
        Self { callers_time: true, ..self }
    }
}

/// How many results are entered at a time before a job is forgotten.
const SLICE: u32 = 1000;

impl Store for Postgres {
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> StoreFuture<'a, Job> {
        Box::pin(self.pool.call("make a job", Purpose::Write, move |session| async move {
            jobs::create(&session, name, spec, now_ms).await
        }))
    }

    fn unfinished<'a>(&'a self, spec: &'a JobSpec) -> StoreFuture<'a, Option<Job>> {
        Box::pin(self.pool.call("look for an unfinished job", Purpose::Read, move |session| async move {
            jobs::unfinished(&session, spec).await
        }))
    }

    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> StoreFuture<'_, ()> {
        let bytes = Arc::new(bytes);
        Box::pin(self.pool.call("keep the input", Purpose::Write, move |session| {
            let bytes = Arc::clone(&bytes);
            async move { jobs::add_input(&session, job, sequence, &bytes).await }
        }))
    }

    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> StoreFuture<'_, ()> {
        let batches = Arc::new(batches);
        Box::pin(self.pool.call("keep the plan", Purpose::Write, move |session| {
            let batches = Arc::clone(&batches);
            async move { batches::add(&session, job, &batches).await }
        }))
    }

    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> StoreFuture<'_, ()> {
        let rows = Arc::new(rows);
        Box::pin(self.pool.call("keep the plan", Purpose::Write, move |session| {
            let rows = Arc::clone(&rows);
            async move { jobs::add_duplicates(&session, job, &rows).await }
        }))
    }

    fn finish_plan(&self, job: i64, rows: u64) -> StoreFuture<'_, Job> {
        Box::pin(self.pool.call("finish the plan", Purpose::Write, move |session| async move {
            jobs::finish_plan(&session, job, rows).await
        }))
    }

    fn replace_rows<'a>(
        &'a self,
        job: i64,
        from: i64,
        rows: Vec<(PhoneNumber, u64)>,
        row_count: u64,
        notes: &'a serde_json::Value,
    ) -> StoreFuture<'a, bool> {
        let rows = Arc::new(rows);
        Box::pin(self.pool.call("take over the new file", Purpose::Settle, move |session| {
            let rows = Arc::clone(&rows);
            async move { jobs::replace_rows(&session, job, from, &rows, row_count, notes).await }
        }))
    }

    fn job<'a>(&'a self, name: &'a JobName) -> StoreFuture<'a, Option<Job>> {
        Box::pin(self.pool.call("look a job up", Purpose::Read, move |session| async move {
            jobs::find(&session, name).await
        }))
    }

    fn jobs(&self) -> StoreFuture<'_, Vec<Job>> {
        Box::pin(
            self.pool.call(
                "list the jobs",
                Purpose::Read,
                |session| async move { jobs::list(&session).await },
            ),
        )
    }

    /// Deleted rows cannot be read any more, but their bytes stay in the server's files: in a table's pages until something is written over
    /// them (pages are also reused by `VACUUM`, which clears nothing), in its indexes until their pages are reused, and in its write-ahead log
    /// until that is recycled. Copies hold them for as long as those are kept: replicas, archived log, backups. What has to be gone from the
    /// tables and their indexes at once, their owner has rewritten, while nothing else uses the store:
    ///
    /// ```sql
    /// VACUUM (FULL) numcheck.numbers, numcheck.checks, numcheck.results, numcheck.odd, numcheck.input, numcheck.duplicates,
    ///     numcheck.drift, numcheck.batches, numcheck.jobs;
    /// CHECKPOINT;
    /// SELECT pg_switch_wal();
    /// ```
    ///
    /// The old files are removed then; what the disk itself keeps of removed files is no database's to say.
    fn forget(&self, job: i64, even_unsettled: bool) -> StoreFuture<'_, Forgotten> {
        Box::pin(async move {
            // In steps of their own: others need not wait for all of them.
            while self.fold(SLICE).await?.seen == SLICE {}
            let forget =
                move |session: Arc<Session>| async move { jobs::forget(&session, job, even_unsettled).await };
            self.pool.call("forget a job", Purpose::Settle, forget).await
        })
    }

    fn jobs_of(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Job>> {
        Box::pin(self.pool.call("look for a phone number's jobs", Purpose::Read, move |session| async move {
            jobs::of_number(&session, &number).await
        }))
    }

    /// Of the server's files the same is true as for [`forget`](Store::forget).
    fn forget_number(&self, number: PhoneNumber, without: Vec<InputPiece>) -> StoreFuture<'_, Vec<JobName>> {
        let without = Arc::new(without);
        Box::pin(async move {
            while self.fold(SLICE).await?.seen == SLICE {}
            let forget = move |session: Arc<Session>| {
                let without = Arc::clone(&without);
                async move { jobs::forget_number(&session, &number, &without).await }
            };
            self.pool.call("forget a phone number", Purpose::Settle, forget).await
        })
    }

    fn look_up<'a>(
        &'a self,
        scope: &'a Scope,
        numbers: Vec<PhoneNumber>,
    ) -> StoreFuture<'a, Vec<Option<Known>>> {
        let numbers = Arc::new(numbers);
        Box::pin(self.pool.call("look phone numbers up", Purpose::Read, move |session| {
            let numbers = Arc::clone(&numbers);
            async move { book::look_up(&session, scope, &numbers).await }
        }))
    }

    fn scopes(&self) -> StoreFuture<'_, Vec<Scope>> {
        Box::pin(
            self.pool.call(
                "read its book",
                Purpose::Read,
                |session| async move { book::scopes(&session).await },
            ),
        )
    }

    fn merge_account<'a>(&'a self, old: &'a str, new: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.pool.call(
            "merge two spellings of an account",
            Purpose::Settle,
            move |session| async move { book::merge_account(&session, old, new).await },
        ))
    }

    fn history(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Sending>> {
        Box::pin(self.pool.call("read its book", Purpose::Read, move |session| async move {
            book::history(&session, &number).await
        }))
    }

    fn next_batch<'a>(&'a self, job: i64, skip: &'a [String]) -> StoreFuture<'a, Option<NextBatch>> {
        Box::pin(self.pool.call("look the next batch up", Purpose::Write, move |session| async move {
            batches::next(&session, job, skip).await
        }))
    }

    fn claim<'a>(
        &'a self,
        batch: i64,
        owner: &'a str,
        limit: u64,
        now_ms: u64,
    ) -> StoreFuture<'a, Option<Claimed>> {
        Box::pin(self.pool.call("claim a batch", Purpose::Write, move |session| async move {
            batches::claim(&session, batch, owner, limit, now_ms).await
        }))
    }

    fn confirm(&self, batch: i64, claim: i64, ts_ms: u64) -> StoreFuture<'_, bool> {
        Box::pin(self.pool.call("confirm a claim", Purpose::Write, move |session| async move {
            batches::confirm(&session, batch, claim, ts_ms).await
        }))
    }

    fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()> {
        let end = Arc::new(end);
        Box::pin(self.pool.call("write down how a batch ended", Purpose::Write, move |session| {
            let end = Arc::clone(&end);
            async move { batches::end(&session, batch, claim, &end, now_ms).await }
        }))
    }

    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool> {
        Box::pin(self.pool.call("mark a phone number", Purpose::Write, move |session| async move {
            each::mark(&session, batch, claim, number, ts_ms).await
        }))
    }

    fn end_each(
        &self,
        batch: i64,
        claim: i64,
        ends: Vec<(PhoneNumber, BatchEnd)>,
        now_ms: u64,
    ) -> StoreFuture<'_, ()> {
        let ends = Arc::new(ends);
        Box::pin(self.pool.call("write down how phone numbers ended", Purpose::Settle, move |session| {
            let ends = Arc::clone(&ends);
            async move { each::end(&session, batch, claim, &ends, now_ms).await }
        }))
    }

    fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        Box::pin(self.pool.call("end a claim", Purpose::Settle, move |session| async move {
            each::give_up(&session, batch, claim).await
        }))
    }

    fn plan_again(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        Box::pin(self.pool.call("plan a batch again", Purpose::Settle, move |session| async move {
            batches::plan_again(&session, batch, claim).await
        }))
    }

    fn resubmit_doubtful(&self, job: i64, before_ms: u64) -> StoreFuture<'_, u64> {
        Box::pin(self.pool.call("plan again what is in doubt", Purpose::Settle, move |session| async move {
            follow::resubmit(&session, job, before_ms).await
        }))
    }

    fn follow(&self, job: i64) -> StoreFuture<'_, Followed> {
        const WHAT: &str = "follow other jobs' batches";
        Box::pin(async move {
            let look = move |session: Arc<Session>| async move { waits::has_news(&session, job).await };
            if !self.pool.call(WHAT, Purpose::Read, look).await? {
                return Ok(Followed::default());
            }
            let follow = move |session: Arc<Session>| async move { follow::follow(&session, job).await };
            self.pool.call(WHAT, Purpose::Settle, follow).await
        })
    }

    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        self.appender.append(results)
    }

    fn fold(&self, most: u32) -> StoreFuture<'_, Folded> {
        Box::pin(self.pool.call("enter results", Purpose::Settle, move |session| async move {
            fold::fold(&session, most).await
        }))
    }

    fn expects<'a>(&'a self, batch_no: &'a str, body: &'a [u8]) -> StoreFuture<'a, bool> {
        Box::pin(self.pool.call("look a result up", Purpose::Read, move |session| async move {
            fold::expects(&session, batch_no, body).await
        }))
    }

    fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(self.pool.call("look a batch up", Purpose::Read, move |session| async move {
            fold::is_full(&session, batch_no).await
        }))
    }

    fn open_batches(&self, job: i64) -> StoreFuture<'_, Vec<OpenBatch>> {
        Box::pin(self.pool.call("list open batches", Purpose::Read, move |session| async move {
            batches::open(&session, job).await
        }))
    }

    fn controls<'a>(&'a self, scope: &'a Scope, after_ms: u64, most: u32) -> StoreFuture<'a, Vec<Control>> {
        Box::pin(self.pool.call("list accepted batches", Purpose::Read, move |session| async move {
            batches::controls(&session, scope, after_ms, most).await
        }))
    }

    fn mark_missing(&self, batch: i64, claim: i64) -> StoreFuture<'_, u64> {
        Box::pin(self.pool.call("give a batch up", Purpose::Write, move |session| async move {
            batches::mark_missing(&session, batch, claim).await
        }))
    }

    fn ledger(&self, job: i64) -> StoreFuture<'_, Ledger> {
        Box::pin(async move {
            let read = move |session: Arc<Session>| async move { reading::ledger(&session, job).await };
            Ok(self.pool.call("read the ledger", Purpose::Read, read).await?.checked())
        })
    }

    fn planned_groups(&self, job: i64) -> StoreFuture<'_, BTreeMap<String, u64>> {
        Box::pin(self.pool.call("count what is planned", Purpose::Read, move |session| async move {
            reading::planned_groups(&session, job).await
        }))
    }

    fn spending<'a>(&'a self, account: &'a str, since_ms: u64) -> StoreFuture<'a, Spending> {
        Box::pin(self.pool.call("sum what was spent", Purpose::Read, move |session| async move {
            reading::spending(&session, account, since_ms).await
        }))
    }

    fn sent_in_group<'a>(&'a self, job: i64, group: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(self.pool.call("count a group's batches", Purpose::Read, move |session| async move {
            batches::sent_in_group(&session, job, group).await
        }))
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> StoreFuture<'_, Vec<RowFate>> {
        Box::pin(self.pool.call("read results", Purpose::Read, move |session| async move {
            reading::rows(&session, job, after_row, most).await
        }))
    }

    fn input(&self, job: i64, sequence: u32) -> StoreFuture<'_, Option<Vec<u8>>> {
        Box::pin(self.pool.call("read the input", Purpose::Read, move |session| async move {
            jobs::input(&session, job, sequence).await
        }))
    }

    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> StoreFuture<'_, Vec<Drift>> {
        let counts = Arc::new(drifting::counted(job, drift));
        Box::pin(self.pool.call("count what no document lists", Purpose::Settle, move |session| {
            let counts = Arc::clone(&counts);
            async move { drift::add(&session, &counts).await }
        }))
    }

    fn drift(&self, job: i64) -> StoreFuture<'_, Vec<Drifted>> {
        Box::pin(self.pool.call("tell what no document lists", Purpose::Read, move |session| async move {
            drift::list(&session, job).await
        }))
    }

    fn quarantine(&self, after: i64, most: u32) -> StoreFuture<'_, Vec<Quarantined>> {
        Box::pin(self.pool.call("read the quarantine", Purpose::Read, move |session| async move {
            reading::quarantine(&session, after, most).await
        }))
    }

    fn prices(&self) -> StoreFuture<'_, PriceTable> {
        Box::pin(
            self.pool.call("read the prices", Purpose::Read, |session| async move {
                reading::prices(&session).await
            }),
        )
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64> {
        let now_ms = self.callers_time.then_some(now_ms);
        Box::pin(self.pool.call("take a turn", Purpose::Write, move |session| async move {
            batches::take_turn(&session, bucket, interval_ms, now_ms).await
        }))
    }

    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.pool.call("remember what it has learnt", Purpose::Write, move |session| async move {
            jobs::learn(&session, name, word).await
        }))
    }

    fn learnt<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(self.pool.call("tell what it has learnt", Purpose::Read, move |session| async move {
            jobs::learnt(&session, name).await
        }))
    }

    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>> {
        let fresh = Arc::new(fresh);
        Box::pin(self.pool.call("keep its key", Purpose::Write, move |session| {
            let fresh = Arc::clone(&fresh);
            async move { jobs::secret(&session, name, &fresh).await }
        }))
    }
}
