//! Jobs, their input and their plan's rows; and what is forgotten of them.

use numcheck_protocol::PhoneNumber;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::fault::{Fault, Result};
use super::values::named;
use super::{book, results};
use crate::model::{Job, JobName, JobSpec, JobState, Scope};
use crate::store::reading::SharedReader;
use crate::store::sql::{self, for_sqlite};
use crate::store::{Duplicate, Forgotten, InputPiece, reading};

const COLUMNS: &str = "id, name, spec, state, created_ms, row_count, number_count";

pub(super) fn create(tx: &Transaction<'_>, name: &JobName, spec: &JobSpec, now_ms: u64) -> Result<Job> {
    let scope = scope(tx, &spec.scope)?;
    let planning: Vec<i64> = tx
        .prepare_cached(
            "SELECT id FROM jobs WHERE scope = ? AND number_set = ? AND number_set <> '' AND state = 0",
        )?
        .query_map(params![scope, spec.set], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for job in planning {
        // Whoever began it can add nothing to what is made now.
        remove(tx, job)?;
    }
    let mut unfinished = all_unfinished(tx, scope, &spec.set)?;
    if let Some(at) = unfinished.iter().position(|job| spec.continues(job)) {
        return Ok(unfinished.swap_remove(at));
    }
    for job in unfinished {
        tx.execute("UPDATE jobs SET state = 3 WHERE id = ?", [job.id])?;
    }
    let marker: i64 = tx.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'results'), 0)",
        [],
        |row| row.get(0),
    )?;
    let text =
        serde_json::to_string(spec).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    tx.prepare_cached(
        "INSERT INTO jobs (name, spec, state, created_ms, scope, number_set, marker) VALUES (?, ?, 0, ?, ?, ?, ?)",
    )?
    .execute(params![name.as_str(), text, now_ms as i64, scope, spec.set, marker])?;
    found(tx, tx.last_insert_rowid())?.ok_or(Fault::Damaged("a job that was made is not there"))
}

pub(super) fn unfinished(tx: &Transaction<'_>, spec: &JobSpec) -> Result<Option<Job>> {
    let Some(scope) = book::scope_id(tx, &spec.scope)? else { return Ok(None) };
    Ok(all_unfinished(tx, scope, &spec.set)?.into_iter().find(|job| spec.continues(job)))
}

/// Open jobs of the same scope and set in which something is left to do, the newest first.
fn all_unfinished(tx: &Transaction<'_>, scope: i64, set: &str) -> Result<Vec<Job>> {
    let open: Vec<Job> = tx
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM jobs WHERE scope = ? AND number_set = ? AND number_set <> '' AND state = 1 ORDER BY id DESC"
        ))?
        .query_map(params![scope, set], job)?
        .collect::<std::result::Result<_, _>>()?;
    let mut unfinished = Vec::new();
    for job in open {
        if is_unfinished(tx, job.id)? {
            unfinished.push(job);
        }
    }
    Ok(unfinished)
}

fn scope(tx: &Transaction<'_>, scope: &Scope) -> Result<i64> {
    if let Some(id) = book::scope_id(tx, scope)? {
        return Ok(id);
    }
    tx.execute(
        "INSERT INTO scopes (account, service, level) VALUES (?, ?, ?)",
        params![scope.account, scope.service, scope.level],
    )?;
    Ok(tx.last_insert_rowid())
}

/// Whether something is planned, under way, in doubt or missing in it.
fn is_unfinished(tx: &Transaction<'_>, job: i64) -> Result<bool> {
    Ok(tx
        .prepare_cached(
            "SELECT 1 FROM batches WHERE job = ?1 AND (state IN (0, 1, 2) OR (state = 3 AND done + failed + refused < numbers))
             UNION ALL SELECT 1 FROM waits WHERE job = ?1 AND waiting > 0 LIMIT 1",
        )?
        .exists([job])?)
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

pub(super) fn replace_rows(
    tx: &Transaction<'_>,
    job: i64,
    from: i64,
    rows: &[(PhoneNumber, u64)],
    row_count: u64,
    notes: &serde_json::Value,
) -> Result<bool> {
    must_be_planning(tx, from)?;
    let Some(old) = found(tx, job)?.filter(|job| job.state == JobState::Open) else { return Ok(false) };
    tx.execute_batch("CREATE TEMP TABLE IF NOT EXISTS new_rows (packed INTEGER PRIMARY KEY, row INTEGER) WITHOUT ROWID; DELETE FROM new_rows")?;
    let mut sorted: Vec<(i64, i64)> =
        rows.iter().map(|(number, row)| (number.pack() as i64, *row as i64)).collect();
    sorted.sort_unstable();
    let mut insert = tx.prepare_cached("INSERT INTO new_rows VALUES (?, ?)")?;
    for (packed, row) in &sorted {
        insert.execute([packed, row])?;
    }
    let matching: i64 = tx.query_row(
        "SELECT count(*) FROM numbers n JOIN new_rows r ON r.packed = n.packed WHERE n.job = ?",
        [job],
        |row| row.get(0),
    )?;
    let all: i64 = tx.query_row("SELECT count(*) FROM numbers WHERE job = ?", [job], |row| row.get(0))?;
    if matching != all || all as usize != sorted.len() {
        tx.execute_batch("DELETE FROM new_rows")?;
        return Ok(false);
    }
    let mut spec = old.spec;
    spec.notes = notes.clone();
    let text = serde_json::to_string(&spec)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    // In two steps: no two rows of a job may be the same, not even for a moment.
    for sql in [
        "UPDATE numbers SET first_row = -1 - (SELECT row FROM new_rows r WHERE r.packed = numbers.packed) WHERE job = ?1",
        "UPDATE numbers SET first_row = -1 - first_row WHERE job = ?1",
        "DELETE FROM input WHERE job = ?1",
        "DELETE FROM duplicates WHERE job = ?1",
    ] {
        tx.execute(sql, [job])?;
    }
    for sql in ["UPDATE input SET job = ?1 WHERE job = ?2", "UPDATE duplicates SET job = ?1 WHERE job = ?2"] {
        tx.execute(sql, [job, from])?;
    }
    tx.execute("UPDATE jobs SET spec = ?, row_count = ? WHERE id = ?", params![text, row_count as i64, job])?;
    remove(tx, from)?;
    tx.execute_batch("DELETE FROM new_rows")?;
    Ok(true)
}

pub(super) fn find(tx: &Transaction<'_>, name: &JobName) -> Result<Option<Job>> {
    let mut select = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE name = ?"))?;
    Ok(select.query_row([name.as_str()], job).optional()?)
}

pub(super) fn list(tx: &Transaction<'_>) -> Result<Vec<Job>> {
    let mut select = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs ORDER BY id DESC"))?;
    Ok(select.query_map([], job)?.collect::<std::result::Result<_, _>>()?)
}

/// Batches and costs stay: they are the sums. Their names stay too, so that results that come late can be told and dropped. What other jobs
/// refer to stays in the book.
///
/// What waits to be entered is entered first, or its cost would be missing from the sums.
pub(super) fn forget(
    tx: &Transaction<'_>,
    reader: &SharedReader,
    job: i64,
    even_unsettled: bool,
) -> Result<Forgotten> {
    results::fold_all(tx, reader)?;
    let ledger = super::reading::ledger(tx, job)?;
    let unsettled = ledger.unsettled();
    if unsettled > 0 && !even_unsettled {
        return Ok(Forgotten { unsettled, ..Forgotten::default() });
    }
    tx.execute(&for_sqlite(sql::KEEP_LAST_MARK), [job])?;
    tx.execute_batch("CREATE TEMP TABLE IF NOT EXISTS kept (batch INTEGER, packed INTEGER, job INTEGER, PRIMARY KEY (batch, packed, job)) WITHOUT ROWID; DELETE FROM kept")?;
    tx.execute(
        "INSERT OR IGNORE INTO kept SELECT n.via, n.packed, n.job FROM numbers n JOIN batches b ON b.id = n.via
         WHERE n.via IS NOT NULL AND b.job = ?1 AND n.job <> ?1 AND n.job > 0",
        [job],
    )?;
    let kept_for: Vec<(String, i64)> = tx
        .prepare_cached("SELECT j.name, count(*) FROM kept k JOIN jobs j ON j.id = k.job GROUP BY j.id ORDER BY j.id DESC")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<std::result::Result<_, _>>()?;
    // What was left of jobs that were forgotten before, for this one alone.
    tx.execute_batch("CREATE TEMP TABLE IF NOT EXISTS left_over (batch INTEGER, packed INTEGER, PRIMARY KEY (batch, packed)) WITHOUT ROWID; DELETE FROM left_over")?;
    tx.execute(
        "INSERT INTO left_over SELECT DISTINCT n.via, n.packed FROM numbers n JOIN batches b ON b.id = n.via JOIN jobs j ON j.id = b.job
         WHERE n.job = ?1 AND j.state = 2 AND NOT EXISTS (SELECT 1 FROM numbers o WHERE o.via = n.via AND o.packed = n.packed AND o.job <> ?1)",
        [job],
    )?;
    const OWN: &str = "(job = ?1 OR job IN (SELECT -id FROM batches b WHERE b.job = ?1))";
    const IS_KEPT: &str =
        "EXISTS (SELECT 1 FROM kept k WHERE k.batch = numbers.batch AND k.packed = numbers.packed)";
    const IS_LEFT_OVER: &str = "(batch, packed) IN (SELECT batch, packed FROM left_over)";
    let goes = format!("(({OWN} AND NOT {IS_KEPT}) OR {IS_LEFT_OVER})");
    unlink(tx, job, &goes)?;
    for sql in [
        format!("DELETE FROM results WHERE id IN (SELECT result FROM numbers WHERE {IS_LEFT_OVER})"),
        format!("DELETE FROM numbers WHERE {IS_LEFT_OVER}"),
    ] {
        tx.execute(&sql, [])?;
    }
    for sql in [
        format!("DELETE FROM results WHERE id IN (SELECT result FROM numbers WHERE {OWN} AND via IS NULL AND NOT {IS_KEPT})"),
        "DELETE FROM results WHERE id IN (SELECT o.result FROM odd o JOIN batch_names n ON n.batch_no = o.batch_no JOIN batches b ON b.id = n.batch WHERE b.job = ?1)".to_owned(),
        "DELETE FROM odd WHERE batch_no IN (SELECT n.batch_no FROM batch_names n JOIN batches ON batch = id WHERE job = ?1)".to_owned(),
        format!("DELETE FROM numbers WHERE {OWN} AND NOT {IS_KEPT}"),
    ] {
        tx.execute(&sql, [job])?;
    }
    for sql in sql::FORGET_JOB {
        tx.execute(&for_sqlite(sql), [job])?;
    }
    tx.execute(
        "UPDATE jobs SET state = 2, number_set = '', spec = json_set(spec, '$.notes', NULL, '$.set', '') WHERE id = ?1",
        [job],
    )?;
    tx.execute_batch("DELETE FROM kept; DELETE FROM left_over")?;
    let kept_for = kept_for.iter().map(|(name, count)| Ok((named(name)?, *count as u64)));
    Ok(Forgotten { unsettled, kept_for: kept_for.collect::<Result<_>>()? })
}

pub(super) fn of_number(tx: &Transaction<'_>, number: &PhoneNumber) -> Result<Vec<Job>> {
    let mut select = tx.prepare(&format!(
        "SELECT {COLUMNS} FROM jobs WHERE id IN (SELECT job FROM numbers WHERE packed = ?) ORDER BY id DESC"
    ))?;
    Ok(select.query_map([number.pack() as i64], job)?.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn forget_number(
    tx: &Transaction<'_>,
    reader: &SharedReader,
    number: &PhoneNumber,
    without: &[InputPiece],
) -> Result<Vec<JobName>> {
    results::fold_all(tx, reader)?;
    let packed = number.pack() as i64;
    let unsettled: Vec<JobName> = tx
        .prepare(&for_sqlite(sql::JOBS_UNSETTLED_WITH))?
        .query_and_then([packed], |row| named(&row.get::<_, String>(0)?))?
        .collect::<Result<_>>()?;
    if !unsettled.is_empty() {
        return Ok(unsettled);
    }
    let with_input: Vec<i64> = tx
        .prepare(&for_sqlite(sql::JOBS_WITH_INPUT_OF))?
        .query_map([packed], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    if with_input.iter().any(|job| !without.iter().any(|piece| piece.job == *job)) {
        return Err(Fault::Superseded);
    }
    for piece in without {
        if input(tx, piece.job, piece.sequence)?.is_some_and(|bytes| bytes != piece.was) {
            return Err(Fault::Superseded);
        }
        tx.prepare_cached("UPDATE input SET bytes = ? WHERE job = ? AND sequence = ?")?.execute(params![
            piece.bytes,
            piece.job,
            piece.sequence
        ])?;
    }
    // A file with the number has another set of phone numbers than what is left of the job.
    tx.execute(
        "UPDATE jobs SET number_set = '', spec = json_set(spec, '$.set', '') WHERE id IN (SELECT job FROM numbers WHERE packed = ?)",
        [packed],
    )?;
    for sql in sql::FORGET_NUMBER {
        tx.execute(&for_sqlite(sql), [packed])?;
    }
    // What was quarantined as it came, and what the platform said of a batch.
    let digits = number.digits();
    let strays: Vec<(i64, Vec<u8>)> = tx
        .prepare(
            "SELECT r.id, r.body FROM odd o JOIN results r ON r.id = o.result WHERE o.packed IS NULL AND instr(r.body, CAST(? AS BLOB)) > 0",
        )?
        .query_map([digits], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<std::result::Result<_, _>>()?;
    for (stray, _) in strays.iter().filter(|(_, body)| reading::shows(body, number)) {
        tx.execute("DELETE FROM results WHERE id = ?", [stray])?;
        tx.execute("DELETE FROM odd WHERE result = ?", [stray])?;
    }
    tx.execute("UPDATE batches SET message = NULL WHERE instr(message, ?) > 0", [digits])?;
    Ok(Vec::new())
}

/// Takes what goes out of the book: of each phone number the sending before it decides again, if there was one.
fn unlink(tx: &Transaction<'_>, job: i64, goes: &str) -> Result<()> {
    let scope: Option<i64> =
        tx.query_row("SELECT scope FROM jobs WHERE id = ?", [job], |row| row.get(0)).optional()?;
    let Some(scope) = scope else { return Ok(()) };
    let in_chains: Vec<i64> = tx
        .prepare(&format!(
            "SELECT DISTINCT packed FROM numbers WHERE {goes} AND (prior IS NOT NULL
                OR batch <> (SELECT c.batch FROM checks c WHERE c.scope = ?2 AND c.packed = numbers.packed))"
        ))?
        .query_map(params![job, scope], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    let mut is_gone = tx.prepare(&format!("SELECT {goes} FROM numbers WHERE batch = ?2 AND packed = ?3"))?;
    for packed in in_chains {
        book::unlink(tx, scope, packed, |batch| {
            Ok(is_gone.query_row([job, batch, packed], |row| row.get(0))?)
        })?;
    }
    // What another job refers to stays in the book, as a trace of no job.
    tx.execute(
        "DELETE FROM checks WHERE batch IN (SELECT id FROM batches WHERE job = ?1)
            AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.batch = checks.batch AND k.packed = checks.packed)",
        [job],
    )?;
    tx.execute(
        "DELETE FROM checks WHERE (scope, packed) IN (SELECT ?, packed FROM left_over) AND (batch, packed) IN (SELECT batch, packed FROM left_over)",
        [scope],
    )?;
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
    for sql in sql::REMOVE_JOB {
        tx.execute(&for_sqlite(sql), [job])?;
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
        state: JobState::from_figure(row.get(3)?),
        created_ms: row.get::<_, i64>(4)? as u64,
        rows: row.get::<_, i64>(5)? as u64,
        numbers: row.get::<_, i64>(6)? as u64,
    })
}
