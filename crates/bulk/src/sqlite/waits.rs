//! Rows that stand for other jobs' sendings: how many wait for each, how many took a result, and what stays behind where one is moved.

use rusqlite::Transaction;

use super::fault::Result;
use crate::model::Outcome;

/// A row waits for a batch that has so many results.
pub(super) fn add(tx: &Transaction<'_>, job: i64, via: i64, settled: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO waits VALUES (?, ?, 1, ?) ON CONFLICT (job, via) DO UPDATE SET waiting = waiting + 1, seen = min(seen, excluded.seen)",
    )?
    .execute([job, via, settled])?;
    Ok(())
}

/// Counts rows that wait, up or down.
pub(super) fn count(tx: &Transaction<'_>, job: i64, via: i64, by: i64) -> Result<()> {
    tx.prepare_cached("UPDATE waits SET waiting = waiting + ? WHERE job = ? AND via = ?")?
        .execute([by, job, via])?;
    tx.prepare_cached("DELETE FROM waits WHERE job = ? AND via = ? AND waiting <= 0")?.execute([job, via])?;
    Ok(())
}

/// Who waits for this batch's sending of some phone numbers waits in vain: its own rows stand for other sendings. They are planned again when
/// the job follows next.
pub(super) fn release(tx: &Transaction<'_>, via: i64) -> Result<()> {
    let was_sent: bool = tx
        .prepare_cached("SELECT claim > 0 FROM batches WHERE id = ?")?
        .query_row([via], |row| row.get(0))?;
    if was_sent {
        tx.prepare_cached("UPDATE waits SET seen = -1 WHERE via = ?")?.execute([via])?;
    }
    Ok(())
}

/// Where a row was claimed with its old batch once, a trace stays behind, by which a late result and the book find it.
pub(super) fn leave_trace(tx: &Transaction<'_>, from: i64, to: i64, packed: i64) -> Result<()> {
    // Of no job: its batch's key, negative.
    tx.prepare_cached(
        "INSERT INTO numbers (batch, packed, job, first_row, prior) SELECT ?1, packed, -?1, first_row, prior FROM numbers
         WHERE batch = ?2 AND packed = ?3 AND EXISTS (SELECT 1 FROM batches WHERE id = ?1 AND claim > 0)",
    )?
    .execute([from, to, packed])?;
    Ok(())
}

/// Counts rows of a job that take a result of the book.
pub(super) fn count_reused(tx: &Transaction<'_>, job: i64, outcome: Outcome, by: i64) -> Result<()> {
    let sql = match outcome {
        Outcome::Done => "UPDATE jobs SET reused_done = reused_done + ? WHERE id = ?",
        Outcome::Failed | Outcome::Passing => {
            "UPDATE jobs SET reused_failed = reused_failed + ? WHERE id = ?"
        }
        Outcome::Refused => "UPDATE jobs SET reused_refused = reused_refused + ? WHERE id = ?",
    };
    tx.prepare_cached(sql)?.execute([by, job])?;
    Ok(())
}
