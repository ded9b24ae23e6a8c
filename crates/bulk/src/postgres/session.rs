//! One connection: its session settings, and its statements, each prepared once.
//!
//! The driver writes values into its debug log: their type, [`Value`](crate::sql::Value), shows none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};

use super::address::Address;
use super::fault::Fault;
use crate::sql::Tx;

/// The oldest server that is supported.
const OLDEST: i64 = 150_000;

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

const POOLED: &str = "between this command and the server a pooler hands one connection to several clients by turns (PgBouncer's pool_mode \
                      transaction or statement): use one that pools by session, or the server's own port";

/// A connection.
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Session {
    /// Connects. Whether it has succeeded or not, nothing was changed.
    pub(super) async fn open(address: &Address) -> Result<Self, Fault> {
        Self::set_up(connect(address).await?).await
    }

    /// Connects twice, and refuses a pooler that gives the two one connection of the server by turns: settings and prepared statements would
    /// get lost, and reach other programs.
    pub(super) async fn open_two(address: &Address) -> Result<[Self; 2], Fault> {
        let (first, second) = (connect(address).await?, connect(address).await?);
        // With both under way, each has a connection of the server. Afterwards a pooler gives the first one what came back last, or, going
        // round, first: one of the two times it is the second one's.
        let own = begin(&first).await?;
        begin(&second).await?;
        first.batch_execute("COMMIT").await?;
        second.batch_execute("COMMIT").await?;
        for _ in 0..2 {
            if begin(&first).await? != own {
                return Err(Fault::unfit(POOLED));
            }
            first.batch_execute("COMMIT").await?;
        }
        Ok([Self::set_up(first).await?, Self::set_up(second).await?])
    }

    async fn set_up(client: Client) -> Result<Self, Fault> {
        let session = Self { client, statements: Mutex::default() };
        session.is_fit().await?;
        session.client.batch_execute(SETTINGS).await?;
        Ok(session)
    }

    async fn is_fit(&self) -> Result<(), Fault> {
        let sql = "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), current_setting('fsync')";
        let read = |row: &crate::sql::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let settings: Option<(i64, String, String)> = self.row(sql, &[], read).await?;
        let (version, encoding, fsync) =
            settings.ok_or_else(|| Fault::damaged("the server tells no version"))?;
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
    pub(super) async fn execute<V: ToSql>(&self, sql: &str, values: &[V]) -> Result<u64, Fault> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute_raw(&statement, values).await?)
    }

    /// Reads rows, all of them.
    pub(super) async fn query<V: ToSql>(&self, sql: &str, values: &[V]) -> Result<Vec<Row>, Fault> {
        let statement = self.statement(sql).await?;
        let rows = self.client.query_raw(&statement, values).await?;
        Ok(rows.try_collect().await?)
    }

    async fn statement(&self, sql: &str) -> Result<Statement, Fault> {
        let known = self.statements().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<String, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(address: &Address) -> Result<Client, Fault> {
    let (client, connection) = address.config.connect(address.tls.clone()).await?;
    // It ends with the client, or with the connection; whoever waits for an answer then hears of it.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(client)
}

/// Begins a transaction, and says which of the server's processes does it.
async fn begin(client: &Client) -> Result<Option<String>, Fault> {
    let answers = client.simple_query("BEGIN; SELECT pg_backend_pid()").await?;
    Ok(answers.into_iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
