//! Batches: planned, sent, ended.
//!
//! Every change of a state says from which state it comes, so that two processes cannot both make it.

use numcheck_protocol::{BatchNo, PhoneNumber};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::model::{BatchEnd, BatchState};
use crate::store::{Claimed, NewBatch, OpenBatch};

type Result<T> = std::result::Result<T, rusqlite::Error>;

pub(super) const PLANNED: i64 = 0;
pub(super) const SENDING: i64 = 1;
pub(super) const IN_DOUBT: i64 = 2;
pub(super) const ACCEPTED: i64 = 3;
pub(super) const REFUSED: i64 = 4;

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

pub(super) fn claim(tx: &Transaction<'_>, job: i64, owner: &str, now_ms: u64) -> Result<Option<Claimed>> {
    loop {
        let next = tx
            .prepare_cached(
                "SELECT id, batch_no, grp FROM batches WHERE job = ? AND state = ? ORDER BY id LIMIT 1",
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
            .filter_map(|packed| packed.map(|packed| PhoneNumber::unpack(packed as u64)).transpose())
            .collect::<Result<_>>()?;
        let to = if numbers.is_empty() { ACCEPTED } else { SENDING };
        tx.prepare_cached("UPDATE batches SET state = ?, owner = ?, sent_ms = ?, ended_ms = NULL WHERE id = ? AND state = ?")?
            .execute(params![to, owner, now_ms as i64, batch, PLANNED])?;
        if numbers.is_empty() {
            continue;
        }
        let batch_no = BatchNo::new(&batch_no).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
        })?;
        return Ok(Some(Claimed { batch, batch_no, group, numbers }));
    }
}

pub(super) fn end(tx: &Transaction<'_>, batch: i64, end: &BatchEnd, now_ms: u64) -> Result<()> {
    let (to, message_id, code, message) = match end {
        BatchEnd::Accepted { message_id } => (ACCEPTED, message_id.as_deref(), None, None),
        BatchEnd::Refused { code, message } => (REFUSED, None, *code, Some(message.as_str())),
        BatchEnd::NotSent => (PLANNED, None, None, None),
        BatchEnd::InDoubt { code, message } => (IN_DOUBT, None, *code, Some(message.as_str())),
    };
    // A result has come already: it was accepted, whatever became of the answer.
    tx.prepare_cached(
        "UPDATE batches SET state = CASE WHEN done + failed > 0 THEN 3 ELSE ?2 END,
         message_id = ?3, code = ?4, message = ?5, ended_ms = ?6 WHERE id = ?1 AND state IN (1, 2)",
    )?
    .execute(params![batch, to, message_id, code, message, now_ms as i64])?;
    Ok(())
}

pub(super) fn give_up_sending(tx: &Transaction<'_>, job: i64, before_ms: u64) -> Result<u64> {
    let changed = tx.execute(
        "UPDATE batches SET state = CASE WHEN done + failed > 0 THEN 3 ELSE 2 END, ended_ms = sent_ms,
         message = 'the process that sent it ended before the platform answered' WHERE job = ? AND state = ? AND sent_ms < ?",
        params![job, SENDING, before_ms as i64],
    )?;
    Ok(changed as u64)
}

pub(super) fn plan_again(tx: &Transaction<'_>, batch: i64, _now_ms: u64) -> Result<()> {
    let changed = tx.execute(
        "UPDATE batches SET state = ?, tries = tries + 1, owner = NULL, code = NULL, message = NULL WHERE id = ? AND state = ?",
        params![PLANNED, batch, IN_DOUBT],
    )?;
    if changed == 0 {
        return Ok(());
    }
    let (batch_no, tries): (String, i64) =
        tx.query_row("SELECT batch_no, tries FROM batches WHERE id = ?", [batch], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let first = batch_no.rsplit_once(".r").map_or(batch_no.as_str(), |(first, _)| first);
    let next = format!("{first}.r{tries}");
    tx.execute("UPDATE batches SET batch_no = ? WHERE id = ?", params![next, batch])?;
    tx.execute("INSERT INTO batch_names VALUES (?, ?)", params![next, batch])?;
    Ok(())
}

pub(super) fn open(tx: &Transaction<'_>, job: i64) -> Result<Vec<OpenBatch>> {
    tx.prepare_cached(
        "SELECT id, batch_no, state, coalesce(sent_ms, 0), ended_ms, numbers, done + failed, missing, message, grp FROM batches
         WHERE job = ? AND state IN (1, 2, 3) AND done + failed < numbers ORDER BY id",
    )?
    .query_map([job], open_batch)?
    .collect()
}

fn open_batch(row: &Row<'_>) -> Result<OpenBatch> {
    let batch_no: String = row.get(1)?;
    Ok(OpenBatch {
        batch: row.get(0)?,
        batch_no: BatchNo::new(&batch_no).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
        })?,
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

pub(super) fn mark_missing(tx: &Transaction<'_>, batch: i64) -> Result<()> {
    tx.execute("UPDATE batches SET missing = 1 WHERE id = ? AND state = ?", params![batch, ACCEPTED])?;
    Ok(())
}

/// The bucket holds the time of the next free turn.
pub(super) fn take_turn(tx: &Transaction<'_>, bucket: &str, interval_ms: u64, now_ms: u64) -> Result<u64> {
    let name = format!("turn {bucket}");
    let next: i64 = tx
        .prepare_cached("SELECT value FROM marks WHERE name = ?")?
        .query_row([&name], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    let turn = next.max(now_ms as i64);
    tx.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?, ?)")?
        .execute(params![name, turn + interval_ms as i64])?;
    Ok((turn - now_ms as i64) as u64)
}
