//! Phone numbers of a claim that are sent one by one: marked before, and split off the claim once it is over.

use numcheck_protocol::PhoneNumber;
use rusqlite::{Transaction, params};

use super::fault::Result;
use super::values::NO_NUMBER;
use super::{batches, results, waits};
use crate::batch::{SplitPart, Unsettled, split};
use crate::model::{BatchEnd, JobState};
use crate::proof::SignedSpan;
use crate::store::reading::SharedReader;

/// A phone number that is about to be sent.
pub(super) struct Mark {
    pub(super) batch: i64,
    pub(super) claim: i64,
    pub(super) number: PhoneNumber,
    pub(super) ts_ms: u64,
}

pub(super) fn mark(tx: &Transaction<'_>, mark: &Mark) -> Result<bool> {
    let Some(mut record) = batches::read(tx, mark.batch)? else { return Ok(false) };
    let was_confirmed = record.confirmed;
    if !record.confirm(mark.claim, mark.ts_ms, batches::job_state(tx, mark.batch)?) {
        return Ok(false);
    }
    let marked = tx
        .prepare_cached(
            "UPDATE numbers SET marked_ms = ? WHERE batch = ? AND packed = ? AND via IS NULL AND job > 0 AND result IS NULL
             AND marked_ms IS NULL",
        )?
        .execute(params![mark.ts_ms as i64, mark.batch, mark.number.pack() as i64])?;
    // How far the timestamps reach stands in the marks.
    if marked > 0 && !was_confirmed {
        batches::write(tx, mark.batch, &record)?;
    }
    Ok(marked > 0)
}

/// A new claim of a batch marks anew.
pub(super) fn clear_marks(tx: &Transaction<'_>, batch: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE numbers SET marked_ms = NULL WHERE batch = ? AND marked_ms IS NOT NULL AND result IS NULL",
    )?
    .execute([batch])?;
    Ok(())
}

pub(super) fn end(
    tx: &Transaction<'_>,
    reader: &SharedReader,
    batch: i64,
    claim: i64,
    ends: &[(PhoneNumber, BatchEnd)],
    now_ms: u64,
) -> Result<()> {
    results::fold_all(tx, reader)?;
    split_off(tx, batch, claim, ends, Some(now_ms)).map(drop)
}

pub(super) fn give_up(tx: &Transaction<'_>, reader: &SharedReader, batch: i64, claim: i64) -> Result<bool> {
    if marked(tx, batch)?.is_none() {
        return batches::give_up(tx, batch, claim);
    }
    results::fold_all(tx, reader)?;
    split_off(tx, batch, claim, &[], None)
}

/// With which timestamps phone numbers of a batch are marked.
fn marked(tx: &Transaction<'_>, batch: i64) -> Result<Option<SignedSpan>> {
    let mut select =
        tx.prepare_cached("SELECT min(marked_ms), max(marked_ms) FROM numbers WHERE batch = ?")?;
    Ok(select.query_row([batch], |row| Ok(batches::signed(row.get(0)?, row.get(1)?)))?)
}

/// `now_ms`: `None` where nobody says how it ended; it was under way until its last mark.
fn split_off(
    tx: &Transaction<'_>,
    batch: i64,
    claim: i64,
    ends: &[(PhoneNumber, BatchEnd)],
    now_ms: Option<u64>,
) -> Result<bool> {
    let Some(mut record) = batches::read(tx, batch)? else { return Ok(false) };
    if batches::job_state(tx, batch)? == JobState::Forgotten {
        // Its rows are gone, but for those to which other jobs refer: for them it is in doubt.
        return batches::give_up(tx, batch, claim);
    }
    let marked = marked(tx, batch)?;
    let now_ms = now_ms.or(marked.map(|marked| marked.last_ms)).unwrap_or_default();
    let (job, group, settled): (i64, String, i64) = tx
        .prepare_cached("SELECT job, grp, done + failed + refused FROM batches WHERE id = ?")?
        .query_row([batch], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let parts = split(&unsettled(tx, batch)?, ends);
    let Some(parts) = record.end_each(claim, parts, settled as u64, marked, now_ms) else { return Ok(false) };
    batches::write(tx, batch, &record)?;
    for part in &parts {
        let to = batches::insert_further(tx, job, &group, part.numbers.len() as i64)?;
        let Some(planned) = batches::read(tx, to)? else { continue };
        let claim = if part.is_sent() { batches::running(tx, "claims")? } else { 0 };
        batches::write(tx, to, &part.record(planned.batch_no, &record, claim, now_ms))?;
        move_part(tx, job, batch, to, part)?;
    }
    if !parts.is_empty() {
        waits::release(tx, batch)?;
    }
    Ok(true)
}

fn unsettled(tx: &Transaction<'_>, batch: i64) -> Result<Vec<Unsettled>> {
    let rows: Vec<(i64, Option<i64>)> = tx
        .prepare_cached(
            "SELECT packed, marked_ms FROM numbers WHERE batch = ? AND result IS NULL AND via IS NULL AND job > 0 ORDER BY packed",
        )?
        .query_map([batch], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<std::result::Result<_, _>>()?;
    let unsettled = |(packed, marked_ms): (i64, Option<i64>)| {
        let number = PhoneNumber::unpack(packed as u64).ok_or(NO_NUMBER)?;
        Ok(Unsettled { number, marked_ms: marked_ms.map(|ms| ms as u64) })
    };
    rows.into_iter().map(unsettled).collect()
}

/// Moves a part into a batch of its own. Where it may have been sent, that is its phone numbers' newest sending.
fn move_part(tx: &Transaction<'_>, job: i64, from: i64, to: i64, part: &SplitPart) -> Result<()> {
    let mut update = tx.prepare_cached("UPDATE numbers SET batch = ? WHERE batch = ? AND packed = ?")?;
    let mut follow = tx.prepare_cached(
        "UPDATE numbers SET prior = coalesce((SELECT c.batch FROM checks c JOIN jobs j ON j.id = ? WHERE c.scope = j.scope AND c.packed = numbers.packed), prior)
         WHERE batch = ? AND packed = ?",
    )?;
    let mut enter =
        tx.prepare_cached("INSERT OR REPLACE INTO checks SELECT scope, ?, ? FROM jobs WHERE id = ?")?;
    for number in &part.numbers {
        let packed = number.pack() as i64;
        update.execute(params![to, from, packed])?;
        waits::leave_trace(tx, from, to, packed)?;
        if part.is_sent() {
            follow.execute([job, to, packed])?;
            enter.execute([packed, to, job])?;
        }
    }
    tx.prepare_cached("UPDATE batches SET numbers = numbers - ? WHERE id = ?")?
        .execute([part.numbers.len() as i64, from])?;
    Ok(())
}
