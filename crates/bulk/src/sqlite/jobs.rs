//! Jobs, their input and their plan's rows.
//!
//! It writes down and looks up; it never sends.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::fault::{Fault, Result};
use super::results;
use crate::model::{Job, JobName, JobSpec, JobState};
use crate::store::Duplicate;

const COLUMNS: &str = "id, name, spec, state, created_ms, row_count, number_count";

pub(super) fn create(tx: &Transaction<'_>, name: &JobName, spec: &JobSpec, now_ms: u64) -> Result<Job> {
    if let Some(job) = find(tx, name)? {
        if job.state != JobState::Planning {
            return Ok(job);
        }
        // Its key is never given again: whoever began it can add nothing to what is made now.
        remove(tx, job.id)?;
    }
    let spec =
        serde_json::to_string(spec).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    tx.prepare_cached("INSERT INTO jobs (name, spec, state, created_ms) VALUES (?, ?, 0, ?)")?
        .execute(params![name.as_str(), spec, now_ms as i64])?;
    found(tx, tx.last_insert_rowid())?.ok_or(Fault::Damaged("a job that was made is not there"))
}

pub(super) fn must_be_planning(tx: &Transaction<'_>, job: i64) -> Result<()> {
    let state: Option<i64> = tx
        .prepare_cached("SELECT state FROM jobs WHERE id = ?")?
        .query_row([job], |row| row.get(0))
        .optional()?;
    if state == Some(0) { Ok(()) } else { Err(Fault::Superseded) }
}

pub(super) fn add_input(tx: &Transaction<'_>, job: i64, sequence: u32, bytes: &[u8]) -> Result<()> {
    must_be_planning(tx, job)?;
    tx.prepare_cached("INSERT OR REPLACE INTO input VALUES (?, ?, ?)")?
        .execute(params![job, sequence, bytes])?;
    Ok(())
}

pub(super) fn input(tx: &Transaction<'_>, job: i64, sequence: u32) -> Result<Option<Vec<u8>>> {
    let mut select = tx.prepare_cached("SELECT bytes FROM input WHERE job = ? AND sequence = ?")?;
    Ok(select.query_row(params![job, sequence], |row| row.get(0)).optional()?)
}

pub(super) fn add_duplicates(tx: &Transaction<'_>, job: i64, rows: &[Duplicate]) -> Result<()> {
    must_be_planning(tx, job)?;
    let mut insert = tx.prepare_cached("INSERT OR REPLACE INTO duplicates VALUES (?, ?, ?)")?;
    for row in rows {
        insert.execute(params![job, row.row as i64, row.first as i64])?;
    }
    Ok(())
}

pub(super) fn finish_plan(tx: &Transaction<'_>, job: i64, rows: u64) -> Result<Job> {
    tx.execute(
        "UPDATE jobs SET state = 1, row_count = ?2,
         number_count = (SELECT coalesce(sum(numbers), 0) FROM batches WHERE job = ?1) WHERE id = ?1 AND state = 0",
        params![job, rows as i64],
    )?;
    found(tx, job)?.ok_or(Fault::Superseded)
}

pub(super) fn find(tx: &Transaction<'_>, name: &JobName) -> Result<Option<Job>> {
    let mut select = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE name = ?"))?;
    Ok(select.query_row([name.as_str()], job).optional()?)
}

pub(super) fn list(tx: &Transaction<'_>) -> Result<Vec<Job>> {
    let mut select = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs ORDER BY id DESC"))?;
    Ok(select.query_map([], job)?.collect::<std::result::Result<_, _>>()?)
}

/// Batches and costs stay: they are the sums. Their names stay too, so that results that come late can be told and dropped.
///
/// What waits to be entered is entered first, or its cost would be missing from the sums.
pub(super) fn forget(tx: &Transaction<'_>, job: i64) -> Result<()> {
    while results::fold(tx, u32::MAX)?.seen > 0 {}
    for sql in [
        "DELETE FROM results WHERE id IN (SELECT result FROM numbers WHERE job = ?)",
        "DELETE FROM odd WHERE batch_no IN (SELECT n.batch_no FROM batch_names n JOIN batches ON batch = id WHERE job = ?)",
        "DELETE FROM results WHERE batch_no IN (SELECT n.batch_no FROM batch_names n JOIN batches ON batch = id WHERE job = ?)",
        "DELETE FROM numbers WHERE job = ?",
        "DELETE FROM duplicates WHERE job = ?",
        "DELETE FROM input WHERE job = ?",
        "DELETE FROM drift WHERE job = ?",
        "UPDATE batches SET message = NULL, message_id = NULL WHERE job = ?",
        "UPDATE jobs SET state = 2, spec = json_set(spec, '$.notes', NULL) WHERE id = ?",
    ] {
        tx.execute(sql, [job])?;
    }
    Ok(())
}

pub(super) fn learn(tx: &Transaction<'_>, name: &str, word: &str) -> Result<()> {
    tx.execute("INSERT OR REPLACE INTO learnt VALUES (?, ?)", [name, word])?;
    Ok(())
}

pub(super) fn learnt(tx: &Transaction<'_>, name: &str) -> Result<Option<String>> {
    Ok(tx.query_row("SELECT word FROM learnt WHERE name = ?", [name], |row| row.get(0)).optional()?)
}

pub(super) fn secret(tx: &Transaction<'_>, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
    tx.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", params![name, fresh])?;
    Ok(tx.query_row("SELECT value FROM secrets WHERE name = ?", [name], |row| row.get(0))?)
}

fn found(tx: &Transaction<'_>, id: i64) -> Result<Option<Job>> {
    Ok(tx.query_row(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?"), [id], job).optional()?)
}

fn remove(tx: &Transaction<'_>, job: i64) -> Result<()> {
    for sql in [
        "DELETE FROM batch_names WHERE batch IN (SELECT id FROM batches WHERE job = ?)",
        "DELETE FROM numbers WHERE job = ?",
        "DELETE FROM batches WHERE job = ?",
        "DELETE FROM duplicates WHERE job = ?",
        "DELETE FROM input WHERE job = ?",
        "DELETE FROM jobs WHERE id = ?",
    ] {
        tx.execute(sql, [job])?;
    }
    Ok(())
}

fn job(row: &Row<'_>) -> std::result::Result<Job, rusqlite::Error> {
    let wrong = |at, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error)
    };
    Ok(Job {
        id: row.get(0)?,
        name: row.get::<_, String>(1)?.parse().map_err(|error| wrong(1, Box::new(error)))?,
        spec: serde_json::from_str(&row.get::<_, String>(2)?).map_err(|error| wrong(2, error.into()))?,
        state: match row.get(3)? {
            0 => JobState::Planning,
            1 => JobState::Open,
            _ => JobState::Forgotten,
        },
        created_ms: row.get::<_, i64>(4)? as u64,
        rows: row.get::<_, i64>(5)? as u64,
        numbers: row.get::<_, i64>(6)? as u64,
    })
}
