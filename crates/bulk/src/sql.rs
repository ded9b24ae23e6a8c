//! What the stores in SQL databases share: nearly all of it. Jobs, batches, the book and the fold are written once, for a
//! transaction ([`Tx`]) of any database, with each [statement](Sql) in the words of both.
//!
//! A database brings its connections, its tables, how it takes results in, and its [`Tx`]. Statements take one row of values, a list
//! ([`Value::Integers`]), or many rows at once ([`Tx::run_each`]): a file does those one by one, a server in one go.

pub(crate) mod batches;
pub(crate) mod book;
pub(crate) mod drift;
pub(crate) mod each;
pub(crate) mod fold;
pub(crate) mod follow;
pub(crate) mod jobs;
pub(crate) mod reading;
mod store;
mod value;
pub(crate) mod waits;

use crate::fold::Arrived;
use crate::store::StoreError;

pub(crate) use store::{prelude, store_methods};
pub(crate) use value::{Cell, Cells, Row, Value, values};

/// A statement. Its values are `$1`, `$2` …; where SQLite's words are the same, ` FOR UPDATE` and ` FOR SHARE` mean nothing to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// For SQLite. Of many rows it takes one.
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL. Of many rows it takes an array of each column.
    pub(crate) postgres: &'static str,
}

/// A statement: a [`Sql`], or one text where both databases use the same words.
pub(crate) trait Statement {
    /// For SQLite.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "the feature is off"))]
    fn sqlite(&self) -> &str;

    /// For PostgreSQL.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "the feature is off"))]
    fn postgres(&self) -> &str;
}

impl Statement for Sql {
    fn sqlite(&self) -> &str {
        self.sqlite
    }

    fn postgres(&self) -> &str {
        self.postgres
    }
}

impl Statement for &str {
    fn sqlite(&self) -> &str {
        self
    }

    fn postgres(&self) -> &str {
        self
    }
}

/// Why a transaction was given up, other than by the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// The store holds what it cannot hold.
    Damaged(&'static str),
    /// The job is not being planned any more.
    Superseded,
    /// Another batch has this `batchNo`.
    BatchNoTaken(String),
    /// It is a copy, made at this time, that is not the store yet.
    Copy(u64),
}

impl From<GivenUp> for StoreError {
    fn from(why: GivenUp) -> Self {
        match why {
            GivenUp::Damaged(what) => Self::Damaged { what },
            GivenUp::Superseded => Self::Superseded,
            GivenUp::BatchNoTaken(batch_no) => Self::BatchNoTaken { batch_no },
            GivenUp::Copy(made_ms) => Self::Copy { made_ms },
        }
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It may change rows.
    Write,
    /// It may change what becomes of numbers, or several batches at once: one such transaction at a time, in all processes. It is what
    /// makes two folds, or a fold and a person who has the job forgotten, follow one upon the other.
    Settle,
    /// It sees one moment of the store, and changes nothing.
    Read,
}

/// A transaction.
///
/// Where many processes write at once, whoever decides by the book, or changes to what its entries point, locks the scope first: then the
/// statements that follow see all that others have decided. Rows are locked in one order everywhere: batches by their key, then phone
/// numbers, waits, jobs.
pub(crate) trait Tx {
    /// Why it failed.
    type Fault: From<GivenUp>;
    /// Results that [`arrived`](Self::arrived) found.
    type Waiting: Waiting;

    /// Changes rows and says how many.
    async fn run(&self, sql: impl Statement, values: &[Value<'_>]) -> Result<u64, Self::Fault>;

    /// Reads rows, all of them.
    async fn rows<R>(
        &self,
        sql: impl Statement,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Vec<R>, Self::Fault>;

    /// Changes what each row of `of` names, in their order, and says how many in all.
    async fn run_each<const N: usize>(
        &self,
        sql: impl Statement,
        of: &[[Value<'_>; N]],
    ) -> Result<u64, Self::Fault>;

    /// Reads what each row of `of` names, in any order.
    async fn rows_each<const N: usize, R>(
        &self,
        sql: impl Statement,
        of: &[[Value<'_>; N]],
        read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Vec<R>, Self::Fault>;

    /// Locks a scope until the transaction ends, if others could write meanwhile.
    async fn lock_scope(&self, scope: i64) -> Result<(), Self::Fault>;

    /// Lets nobody else add rows to a table until the transaction ends.
    async fn lock_table(&self, table: &'static str) -> Result<(), Self::Fault>;

    /// The oldest results that are not entered, at most so many.
    async fn arrived(&self, most: u32) -> Result<(Vec<Arrived>, Self::Waiting), Self::Fault>;

    /// They are entered.
    async fn entered(&self, waiting: &Self::Waiting) -> Result<(), Self::Fault>;

    /// Reads at most one row.
    async fn row<R>(
        &self,
        sql: impl Statement,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Option<R>, Self::Fault> {
        Ok(self.rows(sql, values, read).await?.into_iter().next())
    }

    /// Whether there is a row.
    async fn has(&self, sql: impl Statement, values: &[Value<'_>]) -> Result<bool, Self::Fault> {
        Ok(self.row(sql, values, |_| Ok(())).await?.is_some())
    }
}

/// Results that wait to be entered, as a database finds them.
pub(crate) trait Waiting {
    /// Whether there is anything to be written down of them.
    fn is_any(&self) -> bool;

    /// Whether nothing else waits.
    fn is_all(&self) -> bool;
}
