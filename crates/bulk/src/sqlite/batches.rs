//! Batches: planned, sent, ended.
//!
//! Every change of a state says from which state it comes, so that two processes cannot both make it.

use numcheck_protocol::{BatchNo, PhoneNumber};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::fault::{Fault, Result};
use super::jobs::must_be_planning;
use super::results;
use crate::model::{BatchEnd, BatchState};
use crate::store::{Claimed, MOST_AHEAD_MS, NewBatch, OpenBatch};

pub(super) const PLANNED: i64 = 0;
pub(super) const SENDING: i64 = 1;
pub(super) const IN_DOUBT: i64 = 2;
pub(super) const ACCEPTED: i64 = 3;
pub(super) const REFUSED: i64 = 4;

const NO_NUMBER: Fault = Fault::Damaged("a batch holds what is no phone number");
const NO_BATCH_NO: Fault = Fault::Damaged("a batch has a number that the platform would not take");

pub(super) fn state(number: i64) -> BatchState {
    match number {
        PLANNED => BatchState::Planned,
        SENDING => BatchState::Sending,
        ACCEPTED => BatchState::Accepted,
        REFUSED => BatchState::Refused,
        _ => BatchState::InDoubt,
    }
}

pub(super) fn add(tx: &Transaction<'_>, job: i64, batches: &[NewBatch]) -> Result<()> {
    must_be_planning(tx, job)?;
    let mut insert =
        tx.prepare_cached("INSERT INTO batches (job, batch_no, grp, numbers) VALUES (?, ?, ?, ?)")?;
    let mut name = tx.prepare_cached("INSERT INTO batch_names VALUES (?, ?)")?;
    let mut number = tx.prepare_cached("INSERT INTO numbers VALUES (?, ?, ?, ?, NULL)")?;
    for batch in batches {
        insert.execute(params![job, batch.batch_no.as_str(), batch.group, batch.numbers.len() as i64])?;
        let id = tx.last_insert_rowid();
        name.execute(params![batch.batch_no.as_str(), id])?;
        let mut rows: Vec<(u64, u64)> =
            batch.numbers.iter().map(|(number, row)| (number.pack(), *row)).collect();
        // In the order of the key, pages are filled one after the other.
        rows.sort_unstable();
        for (packed, row) in rows {
            number.execute(params![id, packed as i64, job, row as i64])?;
        }
    }
    Ok(())
}

pub(super) fn next_size(tx: &Transaction<'_>, job: i64) -> Result<Option<u64>> {
    let size = tx
        .prepare_cached(
            "SELECT numbers FROM batches WHERE job = ?1 AND state = ?2
             AND (SELECT state FROM jobs WHERE id = ?1) = 1 ORDER BY id LIMIT 1",
        )?
        .query_row(params![job, PLANNED], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(size.map(|size| size as u64))
}

pub(super) fn claim(tx: &Transaction<'_>, job: i64, owner: &str, now_ms: u64) -> Result<Option<Claimed>> {
    loop {
        let next = tx
            .prepare_cached(
                "SELECT id, batch_no, grp FROM batches WHERE job = ?1 AND state = ?2
                 AND (SELECT state FROM jobs WHERE id = ?1) = 1 ORDER BY id LIMIT 1",
            )?
            .query_row(params![job, PLANNED], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((batch, batch_no, group)) = next else { return Ok(None) };
        // A number that has its result is not paid for again, even when its batch is planned once more.
        let numbers: Vec<PhoneNumber> = tx
            .prepare_cached(
                "SELECT packed FROM numbers WHERE batch = ? AND result IS NULL ORDER BY first_row",
            )?
            .query_map([batch], |row| row.get::<_, i64>(0))?
            .map(|packed| PhoneNumber::unpack(packed? as u64).ok_or(NO_NUMBER))
            .collect::<Result<_>>()?;
        let to = if numbers.is_empty() { ACCEPTED } else { SENDING };
        tx.prepare_cached("UPDATE batches SET state = ?, owner = ?, sent_ms = ?, ended_ms = NULL, code = NULL, message = NULL
             WHERE id = ? AND state = ?")?
            .execute(params![to, owner, now_ms as i64, batch, PLANNED])?;
        if numbers.is_empty() {
            continue;
        }
        let batch_no = BatchNo::new(&batch_no).map_err(|_| NO_BATCH_NO)?;
        return Ok(Some(Claimed { batch, batch_no, group, numbers }));
    }
}

pub(super) fn end(
    tx: &Transaction<'_>,
    batch: i64,
    batch_no: &str,
    end: &BatchEnd,
    now_ms: u64,
) -> Result<()> {
    let (to, message_id, code, message) = match end {
        BatchEnd::Accepted { message_id } => (ACCEPTED, message_id.as_deref(), None, None),
        BatchEnd::Refused { code, message } => (REFUSED, None, *code, Some(message.as_str())),
        BatchEnd::TurnedAway { code, message } => (PLANNED, None, *code, Some(message.as_str())),
        BatchEnd::NotSent => (PLANNED, None, None, None),
        BatchEnd::InDoubt { code, message } => (IN_DOUBT, None, *code, Some(message.as_str())),
    };
    let changed = tx
        .prepare_cached(
            "UPDATE batches SET state = ?3, message_id = ?4, code = ?5, message = ?6, ended_ms = ?7
             WHERE id = ?1 AND batch_no = ?2 AND state IN (1, 2)",
        )?
        .execute(params![batch, batch_no, to, message_id, code, message, now_ms as i64])?;
    if changed > 0 && to != ACCEPTED {
        accept_if_proved(tx, batch)?;
    }
    Ok(())
}

/// A result has come already: the batch was accepted, whatever became of the answer, and under the number that the result names.
fn accept_if_proved(tx: &Transaction<'_>, batch: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE batches SET state = 3, code = NULL, message = NULL, batch_no = coalesce(
             (SELECT r.batch_no FROM numbers n JOIN results r ON r.id = n.result WHERE n.batch = ?1 LIMIT 1), batch_no)
         WHERE id = ?1 AND done + failed + refused > 0",
    )?
    .execute([batch])?;
    Ok(())
}

pub(super) fn give_up_sending(tx: &Transaction<'_>, job: i64, before_ms: u64) -> Result<u64> {
    let batches: Vec<i64> = tx
        .prepare_cached(
            "UPDATE batches SET state = 2, message = 'the process that sent it ended before the platform answered'
             WHERE job = ? AND state = ? AND sent_ms < ? RETURNING id",
        )?
        .query_map(params![job, SENDING, before_ms as i64], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for batch in &batches {
        accept_if_proved(tx, *batch)?;
    }
    Ok(batches.len() as u64)
}

pub(super) fn plan_again(tx: &Transaction<'_>, batch: i64, batch_no: &str) -> Result<bool> {
    // A result that waits to be entered is the best proof that it was accepted.
    while results::fold(tx, u32::MAX)?.seen > 0 {}
    let tries: Option<i64> = tx
        .prepare_cached(
            "UPDATE batches SET state = ?, tries = tries + 1, owner = NULL, code = NULL, message = NULL
             WHERE id = ? AND batch_no = ? AND state = ? AND (SELECT state FROM jobs WHERE id = job) = 1 RETURNING tries",
        )?
        .query_row(params![PLANNED, batch, batch_no, IN_DOUBT], |row| row.get(0))
        .optional()?;
    let Some(tries) = tries else { return Ok(false) };
    let first = batch_no.strip_suffix(&format!(".r{}", tries - 1)).unwrap_or(batch_no);
    let next = format!("{first}.r{tries}");
    BatchNo::new(&next).map_err(|_| NO_BATCH_NO)?;
    tx.execute("UPDATE batches SET batch_no = ? WHERE id = ?", params![next, batch])?;
    tx.execute("INSERT INTO batch_names VALUES (?, ?)", params![next, batch])?;
    Ok(true)
}

pub(super) fn open(tx: &Transaction<'_>, job: i64) -> Result<Vec<OpenBatch>> {
    tx.prepare_cached(
        "SELECT id, batch_no, state, coalesce(sent_ms, 0), ended_ms, numbers, done + failed + refused, missing, message, grp FROM batches
         WHERE job = ?1 AND state IN (1, 2, 3) AND done + failed + refused < numbers AND (SELECT state FROM jobs WHERE id = ?1) = 1 ORDER BY id",
    )?
    .query_and_then([job], open_batch)?
    .collect()
}

fn open_batch(row: &Row<'_>) -> Result<OpenBatch> {
    Ok(OpenBatch {
        batch: row.get(0)?,
        batch_no: BatchNo::new(row.get_ref(1)?.as_str()?).map_err(|_| NO_BATCH_NO)?,
        state: state(row.get(2)?),
        sent_ms: row.get::<_, i64>(3)? as u64,
        ended_ms: row.get::<_, Option<i64>>(4)?.map(|ms| ms as u64),
        numbers: row.get::<_, i64>(5)? as u64,
        settled: row.get::<_, i64>(6)? as u64,
        missing: row.get(7)?,
        message: row.get(8)?,
        group: row.get(9)?,
    })
}

pub(super) fn mark_missing(tx: &Transaction<'_>, batch: i64, batch_no: &str) -> Result<u64> {
    let missing: Option<i64> = tx
        .prepare_cached(
            "UPDATE batches SET missing = 1 WHERE id = ? AND batch_no = ? AND state = ? AND missing = 0 AND done + failed + refused < numbers
             RETURNING numbers - done - failed - refused",
        )?
        .query_row(params![batch, batch_no, ACCEPTED], |row| row.get(0))
        .optional()?;
    Ok(missing.unwrap_or_default() as u64)
}

/// The bucket holds when the next turn is free for a request like the last one, and how long that one's interval is.
pub(super) fn take_turn(tx: &Transaction<'_>, bucket: &str, interval_ms: u64, now_ms: u64) -> Result<u64> {
    let mark = |name: &str| -> Result<Option<u64>> {
        let mut select = tx.prepare_cached("SELECT value FROM marks WHERE name = ?")?;
        Ok(select.query_row([name], |row| row.get::<_, i64>(0)).optional()?.map(|value| value as u64))
    };
    let (name, interval) = (format!("turn {bucket}"), format!("interval {bucket}"));
    let (next, last_interval) = (mark(&name)?.unwrap_or(0), mark(&interval)?);
    let free = next + interval_ms.saturating_sub(last_interval.unwrap_or(interval_ms));
    let turn = if next > now_ms + MOST_AHEAD_MS { now_ms } else { free.max(now_ms) };
    let mut set = tx.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?, ?)")?;
    set.execute(params![name, (turn + interval_ms) as i64])?;
    if last_interval != Some(interval_ms) {
        set.execute(params![interval, interval_ms as i64])?;
    }
    Ok(turn - now_ms)
}
