//! The tables, version by version. A version that was released is never changed: a new one is added behind it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::connection::{OPEN, checkpoint};
use super::fault::{Fault, Result};
use crate::model::{Outcome, Scope};
use crate::store::reading::{self, SharedReader};
use crate::store::{Source, StoreError};

/// One step per version, the first makes an empty file a store.
const STEPS: &[&str] = &[
    r"
    -- AUTOINCREMENT: no key is given twice, also not when the newest row was removed. Whoever holds the key of a removed job must not
    -- find another one.
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        spec TEXT NOT NULL,
        state INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        row_count INTEGER NOT NULL DEFAULT 0,
        number_count INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE input (
        job INTEGER NOT NULL, sequence INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (job, sequence)
    );
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY,
        job INTEGER NOT NULL,
        batch_no TEXT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        grp TEXT NOT NULL,
        state INTEGER NOT NULL DEFAULT 0,
        owner TEXT,
        sent_ms INTEGER,
        ended_ms INTEGER,
        message_id TEXT,
        code INTEGER,
        message TEXT,
        numbers INTEGER NOT NULL,
        done INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        unpriced INTEGER NOT NULL DEFAULT 0,
        missing INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX batches_by_state ON batches (job, state, id);
    -- Every number that a batch ever had on the wire: a late result must still find it.
    CREATE TABLE batch_names (batch_no TEXT PRIMARY KEY, batch INTEGER NOT NULL) WITHOUT ROWID;
    -- Numbers of a batch stand together, so that folding its results touches few pages.
    CREATE TABLE numbers (
        batch INTEGER NOT NULL, packed INTEGER NOT NULL, job INTEGER NOT NULL, first_row INTEGER NOT NULL, result INTEGER,
        PRIMARY KEY (batch, packed)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX numbers_by_row ON numbers (job, first_row);
    CREATE TABLE duplicates (
        job INTEGER NOT NULL, dup_row INTEGER NOT NULL, first_row INTEGER NOT NULL, PRIMARY KEY (job, dup_row)
    ) WITHOUT ROWID;
    -- Appended under a running key, which is the cheapest way to make a row durable. AUTOINCREMENT again: repeats are removed, and a
    -- later result must not get a key that was looked at already.
    CREATE TABLE results (
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, source INTEGER NOT NULL, batch_no TEXT NOT NULL, body BLOB NOT NULL
    );
    -- Results that were kept aside; with a number where it is a second result of that number.
    CREATE TABLE odd (result INTEGER PRIMARY KEY, batch_no TEXT NOT NULL, packed INTEGER);
    CREATE INDEX odd_by_batch ON odd (batch_no, packed);
    CREATE TABLE costs (
        job INTEGER NOT NULL, outcome INTEGER NOT NULL, currency TEXT NOT NULL, count INTEGER NOT NULL, amount TEXT NOT NULL,
        PRIMARY KEY (job, outcome, currency)
    ) WITHOUT ROWID;
    CREATE TABLE prices (
        level INTEGER NOT NULL, region TEXT NOT NULL, currency TEXT NOT NULL, price TEXT NOT NULL, PRIMARY KEY (level, region)
    ) WITHOUT ROWID;
    CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    INSERT INTO marks VALUES ('folded', 0);
    PRAGMA application_id = 0x6e636a62;
",
    r"
    -- Numbers of a batch that the platform did not take although it took the batch.
    ALTER TABLE batches ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE learnt (name TEXT PRIMARY KEY, word TEXT NOT NULL) WITHOUT ROWID;
    -- What in a job's results no document lists, by place.
    CREATE TABLE drift (
        job INTEGER NOT NULL, place TEXT NOT NULL, kind INTEGER NOT NULL, value TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (job, place, kind, value)
    ) WITHOUT ROWID;
",
    r"
    -- What is paid for: phone numbers, by an account, at a service's level.
    CREATE TABLE scopes (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, service TEXT NOT NULL, level INTEGER NOT NULL, UNIQUE (account, service, level)
    );
    -- The book: the newest sending of each phone number, written when its batch is claimed. How it ended stands in `numbers`.
    CREATE TABLE checks (scope INTEGER NOT NULL, packed INTEGER NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY (scope, packed)) WITHOUT ROWID;
    ALTER TABLE jobs ADD COLUMN scope INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN number_set TEXT NOT NULL DEFAULT '';
    -- Results with a higher key came after the job was made.
    ALTER TABLE jobs ADD COLUMN marker INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN batch_count INTEGER NOT NULL DEFAULT 0;
    -- Rows that took a result of the book.
    ALTER TABLE jobs ADD COLUMN reused_done INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN reused_failed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN reused_refused INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX jobs_by_set ON jobs (scope, number_set);
    ALTER TABLE batches ADD COLUMN claim INTEGER NOT NULL DEFAULT 0;
    -- The least and the greatest timestamp with which an attempt was confirmed.
    ALTER TABLE batches ADD COLUMN first_ts INTEGER;
    ALTER TABLE batches ADD COLUMN last_ts INTEGER;
    ALTER TABLE batches ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batches ADD COLUMN from_reply INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batches ADD COLUMN charged_again INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batches ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;
    -- How many of its phone numbers a person had sent again whose first sending may have been accepted.
    ALTER TABLE batches ADD COLUMN resubmitted INTEGER NOT NULL DEFAULT 0;
    -- Whose sending a row stands for, where it is not its own batch's; the sending before; the doubt that a person decided not to wait for;
    -- when its result came, and how it ended.
    ALTER TABLE numbers ADD COLUMN via INTEGER;
    ALTER TABLE numbers ADD COLUMN prior INTEGER;
    ALTER TABLE numbers ADD COLUMN despite INTEGER;
    ALTER TABLE numbers ADD COLUMN received_ms INTEGER;
    ALTER TABLE numbers ADD COLUMN outcome INTEGER;
    CREATE INDEX numbers_by_via ON numbers (via, packed) WHERE via IS NOT NULL;
    -- How many rows of a job wait for a batch of another, and how many results that had when they were looked at.
    CREATE TABLE waits (
        job INTEGER NOT NULL, via INTEGER NOT NULL, waiting INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (job, via)
    ) WITHOUT ROWID;
    -- What accounts were charged, by UTC day.
    CREATE TABLE charges (
        account TEXT NOT NULL, day INTEGER NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL, PRIMARY KEY (account, day, currency)
    ) WITHOUT ROWID;
    -- The highest price of each currency, where it was the last one.
    ALTER TABLE prices RENAME TO last_prices;
    CREATE TABLE prices (
        level INTEGER NOT NULL, region TEXT NOT NULL, currency TEXT NOT NULL, price TEXT NOT NULL, PRIMARY KEY (level, region, currency)
    ) WITHOUT ROWID;
    INSERT INTO prices SELECT level, region, currency, price FROM last_prices;
    DROP TABLE last_prices;
    ALTER TABLE odd ADD COLUMN hash BLOB;
    DROP INDEX odd_by_batch;
    CREATE INDEX odd_by_batch ON odd (batch_no, packed, hash);
    INSERT OR IGNORE INTO scopes (account, service, level)
        SELECT DISTINCT coalesce(json_extract(spec, '$.notes.account'), ''), 'number_check', json_extract(spec, '$.level') FROM jobs;
    UPDATE jobs SET
        scope = (SELECT s.id FROM scopes s WHERE s.account = coalesce(json_extract(spec, '$.notes.account'), '')
            AND s.level = json_extract(spec, '$.level')),
        batch_count = (SELECT count(*) FROM batches WHERE batches.job = jobs.id),
        spec = json_object(
            'scope', json_object('account', coalesce(json_extract(spec, '$.notes.account'), ''), 'service', 'number_check', 'level', json_extract(spec, '$.level')),
            'delivery', json_extract(spec, '$.delivery'), 'set', '', 'reuse', json_object('since_ms', 0, 'retry_failed', json('false')),
            'notes', json_extract(spec, '$.notes'));
    -- Claims of the last release were signed at some time from when they were taken until they ended, or two minutes later.
    UPDATE batches SET claim = id, first_ts = sent_ms - 60000, last_ts = coalesce(ended_ms, sent_ms + 120000) + 60000,
        confirmed = 1,
        from_reply = code IS NOT NULL WHERE sent_ms IS NOT NULL;
    INSERT INTO marks SELECT 'claims', coalesce(max(id), 0) FROM batches;
    UPDATE numbers SET received_ms = (SELECT r.received_ms FROM results r WHERE r.id = numbers.result) WHERE result IS NOT NULL;
    -- The newest sending of a phone number is the book's; each knows the one before.
    CREATE TEMP TABLE sent AS
        SELECT j.scope, n.packed, n.batch, lag(n.batch) OVER (PARTITION BY j.scope, n.packed ORDER BY n.batch) AS prior,
            lead(n.batch) OVER (PARTITION BY j.scope, n.packed ORDER BY n.batch) IS NULL AS is_newest
        FROM numbers n JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = n.job
        WHERE b.state IN (1, 2, 3) OR n.result IS NOT NULL;
    INSERT INTO checks SELECT scope, packed, batch FROM sent WHERE is_newest ORDER BY scope, packed;
    UPDATE numbers SET prior = sent.prior FROM sent
        WHERE sent.prior IS NOT NULL AND numbers.batch = sent.batch AND numbers.packed = sent.packed;
    DROP TABLE sent;
",
    r"
    -- With which timestamp the request about a phone number was signed, where each has its own: written before, so that nothing else of its
    -- claim is in doubt.
    ALTER TABLE numbers ADD COLUMN marked_ms INTEGER;
",
];

/// What a step leaves to be done in code: how results ended, and what was quarantined says.
pub(super) fn complete(tx: &rusqlite::Transaction<'_>, reader: &SharedReader, version: i64) -> Result<()> {
    if version != 3 {
        return Ok(());
    }
    let mut select = tx.prepare(
        "SELECT n.batch, n.packed, r.source, r.body FROM numbers n JOIN results r ON r.id = n.result",
    )?;
    let mut update = tx.prepare("UPDATE numbers SET outcome = ? WHERE batch = ? AND packed = ?")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let source = Source::from_figure(row.get(2)?);
        let facts = reading::read(&**reader, Scope::NUMBER_CHECK, source, row.get_ref(3)?.as_blob()?);
        let outcome = facts.map_or(Outcome::Failed, |facts| facts.outcome);
        update.execute(params![outcome.figure(), row.get::<_, i64>(0)?, row.get::<_, i64>(1)?])?;
    }
    let mut select = tx.prepare(
        "SELECT o.result, r.source, r.body, o.packed IS NOT NULL FROM odd o JOIN results r ON r.id = o.result",
    )?;
    let mut update = tx.prepare("UPDATE odd SET hash = ? WHERE result = ?")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let result = (Source::from_figure(row.get(1)?), row.get_ref(2)?.as_blob()?);
        let hash = reading::hash(&**reader, Scope::NUMBER_CHECK, result, row.get(3)?);
        update.execute(params![hash, row.get::<_, i64>(0)?])?;
    }
    Ok(())
}

/// The newest version.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

/// What tells a store from any other database: `ncjb`.
const APPLICATION: i64 = 0x6e63_6a62;

/// The version of the store at `path`. Refuses what is no store or a newer release's; nothing is changed.
pub(super) fn recognise(connection: &Connection, path: &Path) -> std::result::Result<i64, StoreError> {
    let read = || -> Result<_> {
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((tables, pragma("application_id")?, version(connection)?))
    };
    match read().map_err(|fault| fault.named(OPEN))? {
        (0, ..) => Err(StoreError::Emptied { path: path.to_owned() }),
        (_, APPLICATION, found) if found > KNOWN => Err(StoreError::TooNew { found, known: KNOWN }),
        (_, APPLICATION, found) => Ok(found),
        _ => Err(StoreError::NotAStore),
    }
}

pub(super) fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings a file from its version to the next, if there is one.
pub(super) fn step(connection: &mut Connection, reader: &SharedReader) -> Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let found = version(&tx)?;
    if let Some(sql) = usize::try_from(found).ok().and_then(|found| STEPS.get(found)) {
        tx.execute_batch(sql)?;
        complete(&tx, reader, found + 1)?;
        tx.pragma_update(None, "user_version", found + 1)?;
    }
    Ok(tx.commit()?)
}

/// Moves the journal into the file and empties it. Waits for readers that still need it.
pub(super) fn clear_journal(connection: &mut Connection) -> Result<()> {
    if checkpoint(connection, "TRUNCATE")? { Ok(()) } else { Err(Fault::StillRead) }
}
