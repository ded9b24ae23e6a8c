//! The tables, version by version.
//!
//! A version that was released is never changed: a new one is added behind it. It must not touch data that it does not move.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::{Fault, Result};
use super::file::{self, OPEN};
use crate::store::StoreError;

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
];

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
pub(super) fn step(connection: &mut Connection) -> Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let found = version(&tx)?;
    if let Some(sql) = usize::try_from(found).ok().and_then(|found| STEPS.get(found)) {
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", found + 1)?;
    }
    Ok(tx.commit()?)
}

/// Moves the journal into the file and empties it. Waits for readers that still need it.
pub(super) fn clear_journal(connection: &mut Connection) -> Result<()> {
    if file::checkpoint(connection, "TRUNCATE")? { Ok(()) } else { Err(Fault::StillRead) }
}
