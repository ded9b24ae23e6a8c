//! One connection: its session settings, and its statements, each prepared once.
//!
//! The driver writes parameter values into its debug log, so each is wrapped in a type with a masked `Debug`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::address::Address;
use super::fault::Fault;
use crate::store::reading::SharedReader;

/// The oldest server that is supported.
const OLDEST: i32 = 150_000;

/// What holds in every session, whatever the server's or the user's defaults are. Statements look rows up by keys: a plan that was
/// made while a table was small must not read it from end to end once it is large.
const SETTINGS: &str = "
    SET search_path = numcheck;
    SET synchronous_commit = on;
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SET lock_timeout = '30s';
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = '20s';
    SET client_min_messages = warning;
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_material = off;
    SET enable_mergejoin = off";

/// A connection.
pub(super) struct Session {
    client: Client,
    reader: SharedReader,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

/// A value for a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

impl Session {
    /// Connects. Whether it has succeeded or not, nothing was changed.
    pub(super) async fn open(address: &Address, reader: SharedReader) -> Result<Self, Fault> {
        let (client, connection) = address.config.connect(address.tls.clone()).await?;
        // It ends with the client, or with the connection; whoever waits for an answer then hears of it.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let session = Self { client, reader, statements: Mutex::default() };
        session.is_fit().await?;
        session.client.batch_execute(SETTINGS).await?;
        Ok(session)
    }

    /// By what results are read.
    pub(super) fn reader(&self) -> SharedReader {
        SharedReader::clone(&self.reader)
    }

    async fn is_fit(&self) -> Result<(), Fault> {
        let row = self
            .client
            .query_one(
                "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), current_setting('fsync')",
                &[],
            )
            .await?;
        let (version, encoding, fsync): (i32, String, String) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
        if version < OLDEST {
            return Err(Fault::unfit(format!(
                "the server is PostgreSQL {}: 15 or later is needed",
                version / 10_000
            )));
        }
        if encoding != "UTF8" {
            return Err(Fault::unfit(format!(
                "the database is in {encoding}: make one with ENCODING 'UTF8'"
            )));
        }
        if fsync != "on" {
            return Err(Fault::unfit(
                "the server runs with fsync = off, and would lose what it has confirmed: switch it on",
            ));
        }
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Several statements without values, one of which may begin or end a transaction. Sent at the first poll.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Changes rows and says how many. It has happened when this returns: the driver waits until the server is ready for the next
    /// statement, and outside a transaction that is after the commit.
    pub(super) async fn run(&self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, Fault> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute_raw(&statement, values.iter().map(|value| Wrapped(*value))).await?)
    }

    /// Reads rows, all of them.
    pub(super) async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Fault> {
        let statement = self.statement(sql).await?;
        let rows = self.client.query_raw(&statement, values.iter().map(|value| Wrapped(*value))).await?;
        Ok(rows.try_collect().await?)
    }

    /// Reads at most one row.
    pub(super) async fn row(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    async fn statement(&self, sql: &'static str) -> Result<Statement, Fault> {
        let known = self.statements().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements().insert(sql, statement.clone());
        Ok(statement)
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A column of a row.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, Fault> {
    row.try_get(at).map_err(|_| Fault::damaged("a column holds what it cannot hold"))
}

/// A count or a time that is never negative.
pub(super) fn get_u64(row: &Row, at: usize) -> Result<u64, Fault> {
    Ok(get::<i64>(row, at)? as u64)
}

/// A text that is kept in bytes, because it may hold what the server takes for no text.
pub(super) fn get_text(row: &Row, at: usize) -> Result<String, Fault> {
    String::from_utf8(get(row, at)?).map_err(|_| Fault::damaged("a text is none"))
}

/// A count or a time for a column; beyond the range it is the end of the range.
pub(super) fn big(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A text for a column. PostgreSQL knows no NUL in a text, and one refused text must not hold up all others.
pub(super) fn text(value: &str) -> std::borrow::Cow<'_, str> {
    if value.contains('\0') { value.replace('\0', "\u{fffd}").into() } else { value.into() }
}

/// A value that shows nothing of itself.
struct Wrapped<'a>(Value<'a>);

impl fmt::Debug for Wrapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ToSql for Wrapped<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }
}
