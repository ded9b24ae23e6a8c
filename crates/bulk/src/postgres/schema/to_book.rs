//! Version 3: what an older store knows is entered into the book of checks.
//!
//! It reads every result once, in pieces, because how a result ended stands only in its body.

use std::collections::HashMap;

use serde::Deserialize;

use crate::model::{Delivery, JobSpec, Outcome, Scope};
use crate::postgres::fault::Fault;
use crate::postgres::session::Session;
use crate::sql::book::scope_key;
use crate::sql::{Row, Tx, values};
use crate::store::reading::{self, SharedReader};

type Result<T> = std::result::Result<T, Fault>;

/// Rows in one piece: fewer than the server's patience with a transaction that does nothing.
const PIECE: i64 = 5000;

/// Fills the new columns and tables, in the transaction that has made them.
pub(super) async fn fill(session: &Session, reader: &SharedReader) -> Result<()> {
    jobs(session).await?;
    outcomes(session, reader).await?;
    hashes(session, reader).await?;
    session
        .batch(
            // Whole tables are read here, which the settings of a session advise against.
            "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
             UPDATE jobs SET batch_count = (SELECT count(*) FROM batches WHERE batches.job = jobs.id);
             SELECT setval('claims', max(id)) FROM batches HAVING max(id) > 0",
        )
        .await?;
    session
        .batch(
            // Claims of the last release were signed at some time from when they were taken until they ended, or two minutes later.
            "UPDATE batches SET claim = id, first_ts = sent_ms - 60000, last_ts = coalesce(ended_ms, sent_ms + 120000) + 60000,
             confirmed = true, from_reply = code IS NOT NULL WHERE sent_ms IS NOT NULL",
        )
        .await?;
    session
        .batch(
            // The newest sending of a phone number is the book's; each knows the one before.
            "INSERT INTO checks SELECT DISTINCT ON (j.scope, n.packed) j.scope, n.packed, n.batch
             FROM numbers n JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = n.job
             WHERE b.state IN (1, 2, 3) OR n.result IS NOT NULL ORDER BY j.scope, n.packed, n.batch DESC;
             UPDATE numbers SET prior = sent.prior FROM (
                 SELECT n.batch, n.packed, lag(n.batch) OVER (PARTITION BY j.scope, n.packed ORDER BY n.batch) AS prior
                 FROM numbers n JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = n.job
                 WHERE b.state IN (1, 2, 3) OR n.result IS NOT NULL
             ) AS sent
             WHERE sent.prior IS NOT NULL AND numbers.batch = sent.batch AND numbers.packed = sent.packed",
        )
        .await
}

/// What was fixed about a job in the last release.
#[derive(Deserialize)]
struct OldSpec {
    level: i64,
    #[serde(default)]
    delivery: Delivery,
    #[serde(default)]
    notes: serde_json::Value,
}

/// Gives every job its scope; its account stands in the caller's notes.
async fn jobs(session: &Session) -> Result<()> {
    let mut scopes: HashMap<Scope, i64> = HashMap::new();
    let sql = "SELECT id, spec FROM jobs ORDER BY id";
    let jobs: Vec<(i64, String)> = session.rows(sql, &[], |row| Ok((row.get(0)?, row.get(1)?))).await?;
    for (id, spec) in jobs {
        let unreadable = |_| Fault::damaged("a job's parameters cannot be read");
        let old: OldSpec = serde_json::from_str(&spec).map_err(unreadable)?;
        let account = old.notes.get("account").and_then(serde_json::Value::as_str).unwrap_or_default();
        let scope = Scope::new(account, Scope::NUMBER_CHECK, old.level);
        let key = match scopes.get(&scope) {
            Some(key) => *key,
            None => scope_key(session, &scope).await?,
        };
        scopes.insert(scope.clone(), key);
        let spec = JobSpec::new(scope, "", old.delivery, old.notes);
        let spec = serde_json::to_string(&spec).map_err(unreadable)?;
        session.run("UPDATE jobs SET scope = $2, spec = $3 WHERE id = $1", &values![id, key, &spec]).await?;
    }
    Ok(())
}

/// When each result came, and how it ended.
async fn outcomes(session: &Session, reader: &SharedReader) -> Result<()> {
    let (mut last, mut is_more) = ((i64::MIN, i64::MIN), true);
    while is_more {
        let sql = "SELECT n.batch, n.packed, r.source, r.body, r.received_ms FROM numbers n JOIN results r ON r.id = n.result
            WHERE (n.batch, n.packed) > ($1, $2) ORDER BY n.batch, n.packed LIMIT $3";
        let read = |row: &Row<'_>| {
            let facts = reading::read(&**reader, Scope::NUMBER_CHECK, row.get(2)?, row.get(3)?);
            let outcome = facts.map_or(Outcome::Failed, |facts| facts.outcome);
            Ok((row.get(0)?, row.get(1)?, row.get(4)?, outcome))
        };
        let rows: Vec<(i64, i64, i64, Outcome)> =
            session.rows(sql, &values![last.0, last.1, PIECE], read).await?;
        is_more = rows.len() as i64 == PIECE;
        last = rows.last().map_or(last, |row| (row.0, row.1));
        let sql = "UPDATE numbers SET received_ms = new.received_ms, outcome = new.outcome
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[]) AS new (batch, packed, received_ms, outcome)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
        let rows: Vec<_> = rows.into_iter().map(|row| values![row.0, row.1, row.2, row.3]).collect();
        session.run_each(sql, &rows).await?;
    }
    Ok(())
}

/// What each result that was quarantined says.
async fn hashes(session: &Session, reader: &SharedReader) -> Result<()> {
    let (mut last, mut is_more) = (i64::MIN, true);
    while is_more {
        let sql =
            "SELECT o.result, r.source, r.body, o.packed <> 0 FROM odd o JOIN results r ON r.id = o.result
            WHERE o.result > $1 ORDER BY o.result LIMIT $2";
        let read = |row: &Row<'_>| {
            let result = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, reading::hash(&**reader, Scope::NUMBER_CHECK, result, row.get(3)?)))
        };
        let rows: Vec<(i64, [u8; 16])> = session.rows(sql, &values![last, PIECE], read).await?;
        is_more = rows.len() as i64 == PIECE;
        last = rows.last().map_or(last, |row| row.0);
        let sql =
            "UPDATE odd SET hash = new.hash FROM unnest($1::bigint[], $2::bytea[]) AS new (result, hash)
            WHERE odd.result = new.result";
        let rows: Vec<_> = rows.iter().map(|(id, hash)| values![*id, hash]).collect();
        session.run_each(sql, &rows).await?;
    }
    Ok(())
}
