//! The store on a server: PostgreSQL 15 or later, for any number of processes on any number of machines.
//!
//! It answers once the server has what it was given: every commit is synchronous, and a commit whose answer was lost is an error. What a batch or a number becomes is decided under row locks or conditions, never by what was read before. Locks are taken in one
//! order: that of settling, that of a scope, then rows as `book` says.

mod address;
mod append;
mod fault;
mod pool;
mod schema;
mod session;
mod tls;
mod turns;
mod tx;

use std::fmt;
use std::sync::Arc;

use crate::sql::prelude::*;
use crate::store::reading::SharedReader;

use address::Address;
use append::Appender;
use fault::Fault;
use pool::Pool;
use session::Session;

/// A store on a PostgreSQL server, in the schema `numcheck` of one database.
///
/// It opens up to [`MAX_CONNECTIONS`](Postgres::MAX_CONNECTIONS) as they are needed, and opens new ones when the server was away. It belongs
/// to the tokio runtime in which it was opened.
///
/// What it asks of a session holds for the whole session: a pooler that hands one connection to several clients by turns (PgBouncer's pooling by
/// transaction or statement) is refused.
///
/// # What [forgetting](Store::forget) leaves on the server
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
pub struct Postgres {
    pool: Arc<Pool>,
    reader: SharedReader,
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
    /// How many connections a process has at most.
    pub const MAX_CONNECTIONS: usize = pool::MAX_CONNECTIONS;

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
    /// promises no durability (`fsync = off`), a pooler shares its connections out by transaction or statement, or the store is a newer
    /// release's.
    pub async fn open(address: &str, reader: SharedReader) -> Result<Self, StoreError> {
        let address = Address::parse(address).map_err(fault::database("read its address"))?;
        let pool = Pool::new(address);
        pool.begin().await.map_err(fault::database("open the database"))?;
        let of_old = SharedReader::clone(&reader);
        let migrate: StoreFuture<'_, _> =
            Box::pin(pool.call_once("open the database", async move |tx| schema::migrate(tx, &of_old).await));
        let schema::Opened { is_new, location } = migrate.await?;
        let appender = Appender::start(&pool);
        Ok(Self { pool, reader, appender, callers_time: false, is_new, location })
    }

    /// Opens all connections that this process may need, and keeps them. Before anything is paid: a server that has none left then
    /// would hold up results.
    ///
    /// # Errors
    /// When the server gives fewer.
    pub async fn reserve(&self) -> Result<(), StoreError> {
        self.pool.reserve().await.map_err(fault::database("reserve connections"))
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

impl Postgres {
    /// How many results are entered at a time before something is forgotten.
    const SLICE: u32 = 1000;

    /// Does `work` in a transaction, perhaps several times, of which one counts.
    async fn call<T>(
        &self,
        what: &'static str,
        purpose: Purpose,
        work: impl AsyncFn(&Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.pool.call(what, purpose, work).await
    }

    /// What the server's files still hold is the server's.
    async fn clear_traces(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Store for Postgres {
    store_methods!();

    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        self.appender.append(results)
    }

    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool> {
        let mark = each::Mark { batch, claim, number, ts_ms };
        Box::pin(
            self.call("mark a phone number", Purpose::Write, async move |tx| each::mark(tx, &mark).await),
        )
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64> {
        let (bucket, now_ms) = (bucket.to_owned(), self.callers_time.then_some(now_ms));
        Box::pin(self.call("take a turn", Purpose::Write, async move |tx| {
            turns::take(tx, &bucket, interval_ms, now_ms).await
        }))
    }
}
