//! A transaction of a file, for the code that all stores share.

use std::collections::HashMap;
use std::future::Future;

use futures_util::FutureExt;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql, Transaction, params, params_from_iter};

use super::fault::{Fault, Result};
use crate::fold::Arrived;
use crate::sql::fold::result;
use crate::sql::{Cell, Cells, GivenUp, Row, Statement, Tx, Value, Waiting};

/// The outcome of work that waits for nothing but this thread.
pub(super) fn ready<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    work.now_or_never().unwrap_or(Err(GivenUp::Damaged("a transaction of it has waited").into()))
}

impl Tx for Transaction<'_> {
    type Fault = Fault;
    type Waiting = Last;

    async fn run(&self, sql: impl Statement, values: &[Value<'_>]) -> Result<u64> {
        Ok(prepare(self, &sql)?.execute(params_from_iter(values))? as u64)
    }

    async fn rows<R>(
        &self,
        sql: impl Statement,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Vec<R>> {
        let (mut statement, mut rows) = (prepare(self, &sql)?, Vec::new());
        query(&mut statement, values, read, &mut rows)?;
        Ok(rows)
    }

    async fn run_each<const N: usize>(&self, sql: impl Statement, of: &[[Value<'_>; N]]) -> Result<u64> {
        if of.is_empty() {
            return Ok(0);
        }
        let (mut statement, mut changed) = (prepare(self, &sql)?, 0);
        for values in of {
            changed += statement.execute(params_from_iter(values))? as u64;
        }
        Ok(changed)
    }

    async fn rows_each<const N: usize, R>(
        &self,
        sql: impl Statement,
        of: &[[Value<'_>; N]],
        mut read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Vec<R>> {
        let mut rows = Vec::new();
        if of.is_empty() {
            return Ok(rows);
        }
        let mut statement = prepare(self, &sql)?;
        for values in of {
            query(&mut statement, values, &mut read, &mut rows)?;
        }
        Ok(rows)
    }

    /// Nobody else writes while this transaction does.
    async fn lock_scope(&self, _: i64) -> Result<()> {
        Ok(())
    }

    async fn lock_table(&self, _: &'static str) -> Result<()> {
        Ok(())
    }

    /// By their keys, which run in the order in which they came: how far entering is stands in a mark.
    async fn arrived(&self, most: u32) -> Result<(Vec<Arrived>, Last)> {
        let mut select = self.prepare_cached(
            "SELECT id, batch_no, source, body, received_ms FROM results
             WHERE id > (SELECT value FROM marks WHERE name = 'folded') ORDER BY id LIMIT ?",
        )?;
        let mut named = self.prepare_cached("SELECT batch FROM batch_names WHERE batch_no = ?")?;
        // A fold meets the same few batches again and again.
        let mut batches: HashMap<String, Option<i64>> = HashMap::new();
        let mut arrived = Vec::new();
        let mut rows = select.query([most])?;
        while let Some(row) = rows.next()? {
            let result = result(row, 1)?;
            let batch = match batches.get(&result.batch_no) {
                Some(batch) => *batch,
                None => {
                    let mut found = named.query([&result.batch_no])?;
                    let batch = found.next()?.map(|row| row.get(0)).transpose()?;
                    batches.insert(result.batch_no.clone(), batch);
                    batch
                }
            };
            arrived.push(Arrived::new(row.get(0)?, batch, result));
        }
        let last = arrived.last().map(Arrived::id);
        Ok((arrived, Last(last)))
    }

    async fn entered(&self, Last(last): &Last) -> Result<()> {
        self.prepare_cached("UPDATE marks SET value = ? WHERE name = 'folded'")?.execute(params![last])?;
        Ok(())
    }
}

/// The key of the last result that has arrived.
pub(crate) struct Last(Option<i64>);

impl Waiting for Last {
    fn is_any(&self) -> bool {
        self.0.is_some()
    }

    fn is_all(&self) -> bool {
        true
    }
}

/// SQLite takes `$1` for a name, `?1` for a place; and knows no locks of rows, because a transaction locks the whole file.
fn prepare<'a>(tx: &'a Transaction<'_>, sql: &impl Statement) -> Result<CachedStatement<'a>> {
    let sql = sql.sqlite().trim_end_matches(" FOR UPDATE").trim_end_matches(" FOR SHARE").replace('$', "?");
    Ok(tx.prepare_cached(&sql)?)
}

fn query<R>(
    statement: &mut rusqlite::Statement<'_>,
    values: &[Value<'_>],
    mut read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    into: &mut Vec<R>,
) -> Result<()> {
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        into.push(read(row)?);
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let list = |json: serde_json::Result<String>| match json {
            Ok(json) => Ok(ToSqlOutput::from(json)),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
        };
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Integers(values) => return list(serde_json::to_string(values)),
            Self::Texts(texts) => return list(serde_json::to_string(texts)),
        }))
    }
}

impl Cells for rusqlite::Row<'_> {
    fn cell(&self, at: usize) -> Option<Cell<'_>> {
        Some(match self.get_ref(at).ok()? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Text(text) => Cell::Text(str::from_utf8(text).ok()?),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes),
            ValueRef::Real(_) => return None,
        })
    }
}
