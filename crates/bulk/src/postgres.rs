//! The store on a server: PostgreSQL 15 or later, for any number of processes on any number of machines.
//!
//! It must not answer before the server has what it was given: every commit is synchronous, and a commit whose answer was lost is
//! an error. What a batch or a number becomes is decided under row locks or conditions, never by what was read before.

mod address;
mod append;
mod batches;
mod drift;
mod fault;
mod fold;
mod jobs;
mod pool;
mod reading;
mod schema;
mod session;
mod tls;

use std::fmt;
use std::sync::Arc;

use numcheck_protocol::{BatchNo, Drift};

use crate::ledger::Ledger;
use crate::model::{BatchEnd, Job, JobName, JobSpec};
use crate::pricing::PriceTable;
use crate::store::drifting;
use crate::store::{
    Answer, Claimed, Drifted, Duplicate, Folded, NewBatch, NewResult, Odd, OpenBatch, RowFate, Store,
    StoreError,
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
}

impl fmt::Debug for Postgres {
    /// Without the address, which holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

impl Postgres {
    /// Opens the store at `postgres://user:password@host:port/database`, or makes it; one of an older release is brought up to date.
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
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let address = Address::parse(address).map_err(fault::database("read its address"))?;
        let pool = Pool::new(address);
        pool.call_once("open the database", schema::migrate).await?;
        let appender = Appender::start(&pool);
        Ok(Self { pool, appender, callers_time: false })
    }

    /// Turns ([`Store::take_turn`]) follow the time that callers name, instead of the server's clock. For tests: callers on several
    /// machines name several times.
    #[must_use]
    pub fn by_the_callers_clock(self) -> Self {
        Self { callers_time: true, ..self }
    }
}

impl Store for Postgres {
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> Answer<'a, Job> {
        Box::pin(self.pool.call("make a job", Purpose::Write, move |session| async move {
            jobs::create(&session, name, spec, now_ms).await
        }))
    }

    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> Answer<'_, ()> {
        let bytes = Arc::new(bytes);
        Box::pin(self.pool.call("keep the input", Purpose::Write, move |session| {
            let bytes = Arc::clone(&bytes);
            async move { jobs::add_input(&session, job, sequence, &bytes).await }
        }))
    }

    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> Answer<'_, ()> {
        let batches = Arc::new(batches);
        Box::pin(self.pool.call("keep the plan", Purpose::Write, move |session| {
            let batches = Arc::clone(&batches);
            async move { batches::add(&session, job, &batches).await }
        }))
    }

    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> Answer<'_, ()> {
        let rows = Arc::new(rows);
        Box::pin(self.pool.call("keep the plan", Purpose::Write, move |session| {
            let rows = Arc::clone(&rows);
            async move { jobs::add_duplicates(&session, job, &rows).await }
        }))
    }

    fn finish_plan(&self, job: i64, rows: u64) -> Answer<'_, Job> {
        Box::pin(self.pool.call("finish the plan", Purpose::Write, move |session| async move {
            jobs::finish_plan(&session, job, rows).await
        }))
    }

    fn job<'a>(&'a self, name: &'a JobName) -> Answer<'a, Option<Job>> {
        Box::pin(self.pool.call("look a job up", Purpose::Read, move |session| async move {
            jobs::find(&session, name).await
        }))
    }

    fn jobs(&self) -> Answer<'_, Vec<Job>> {
        Box::pin(
            self.pool.call(
                "list the jobs",
                Purpose::Read,
                |session| async move { jobs::list(&session).await },
            ),
        )
    }

    /// Deleted rows stay in the server's files until it writes over them, and in its journal, its copies and its backups for as long as
    /// those are kept: no client can change that.
    fn forget(&self, job: i64) -> Answer<'_, ()> {
        Box::pin(self.pool.call("forget a job", Purpose::Settle, move |session| async move {
            jobs::forget(&session, job).await
        }))
    }

    fn next_size(&self, job: i64) -> Answer<'_, Option<u64>> {
        Box::pin(self.pool.call("look at the plan", Purpose::Read, move |session| async move {
            batches::next_size(&session, job).await
        }))
    }

    fn claim<'a>(&'a self, job: i64, owner: &'a str, now_ms: u64) -> Answer<'a, Option<Claimed>> {
        Box::pin(self.pool.call("mark a batch as sent", Purpose::Write, move |session| async move {
            batches::claim(&session, job, owner, now_ms).await
        }))
    }

    fn end<'a>(&'a self, batch: i64, batch_no: &'a BatchNo, end: BatchEnd, now_ms: u64) -> Answer<'a, ()> {
        let end = Arc::new(end);
        Box::pin(self.pool.call("write down how a batch ended", Purpose::Write, move |session| {
            let end = Arc::clone(&end);
            async move { batches::end(&session, batch, batch_no.as_str(), &end, now_ms).await }
        }))
    }

    fn give_up_sending(&self, job: i64, before_ms: u64) -> Answer<'_, u64> {
        Box::pin(self.pool.call("mark batches as in doubt", Purpose::Settle, move |session| async move {
            batches::give_up_sending(&session, job, before_ms).await
        }))
    }

    fn plan_again<'a>(&'a self, batch: i64, batch_no: &'a BatchNo) -> Answer<'a, bool> {
        Box::pin(self.pool.call("plan a batch again", Purpose::Settle, move |session| async move {
            batches::plan_again(&session, batch, batch_no.as_str()).await
        }))
    }

    fn append(&self, results: Vec<NewResult>) -> Answer<'_, ()> {
        self.appender.append(results)
    }

    fn fold(&self, most: u32) -> Answer<'_, Folded> {
        Box::pin(self.pool.call("enter results", Purpose::Settle, move |session| async move {
            fold::fold(&session, most).await
        }))
    }

    fn open_batches(&self, job: i64) -> Answer<'_, Vec<OpenBatch>> {
        Box::pin(self.pool.call("list open batches", Purpose::Read, move |session| async move {
            batches::open(&session, job).await
        }))
    }

    fn mark_missing<'a>(&'a self, batch: i64, batch_no: &'a BatchNo) -> Answer<'a, u64> {
        Box::pin(self.pool.call("give a batch up", Purpose::Write, move |session| async move {
            batches::mark_missing(&session, batch, batch_no.as_str()).await
        }))
    }

    fn ledger(&self, job: i64) -> Answer<'_, Ledger> {
        Box::pin(async move {
            let read = move |session: Arc<Session>| async move { reading::ledger(&session, job).await };
            Ok(self.pool.call("read the ledger", Purpose::Read, read).await?.checked())
        })
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> Answer<'_, Vec<RowFate>> {
        Box::pin(self.pool.call("read results", Purpose::Read, move |session| async move {
            reading::rows(&session, job, after_row, most).await
        }))
    }

    fn input(&self, job: i64, sequence: u32) -> Answer<'_, Option<Vec<u8>>> {
        Box::pin(self.pool.call("read the input", Purpose::Read, move |session| async move {
            jobs::input(&session, job, sequence).await
        }))
    }

    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> Answer<'_, Vec<Drift>> {
        let counts = Arc::new(drifting::counted(job, drift));
        Box::pin(self.pool.call("count what no document lists", Purpose::Settle, move |session| {
            let counts = Arc::clone(&counts);
            async move { drift::add(&session, &counts).await }
        }))
    }

    fn drift(&self, job: i64) -> Answer<'_, Vec<Drifted>> {
        Box::pin(self.pool.call("tell what no document lists", Purpose::Read, move |session| async move {
            drift::list(&session, job).await
        }))
    }

    fn quarantine(&self, after: i64, most: u32) -> Answer<'_, Vec<Odd>> {
        Box::pin(self.pool.call("read the quarantine", Purpose::Read, move |session| async move {
            reading::quarantine(&session, after, most).await
        }))
    }

    fn prices(&self) -> Answer<'_, PriceTable> {
        Box::pin(
            self.pool.call("read the prices", Purpose::Read, |session| async move {
                reading::prices(&session).await
            }),
        )
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> Answer<'a, u64> {
        let now_ms = self.callers_time.then_some(now_ms);
        Box::pin(self.pool.call("take a turn", Purpose::Write, move |session| async move {
            batches::take_turn(&session, bucket, interval_ms, now_ms).await
        }))
    }

    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> Answer<'a, ()> {
        Box::pin(self.pool.call("remember what it has learnt", Purpose::Write, move |session| async move {
            jobs::learn(&session, name, word).await
        }))
    }

    fn learnt<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(self.pool.call("tell what it has learnt", Purpose::Read, move |session| async move {
            jobs::learnt(&session, name).await
        }))
    }

    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> Answer<'a, Vec<u8>> {
        let fresh = Arc::new(fresh);
        Box::pin(self.pool.call("keep its key", Purpose::Write, move |session| {
            let fresh = Arc::clone(&fresh);
            async move { jobs::secret(&session, name, &fresh).await }
        }))
    }
}
