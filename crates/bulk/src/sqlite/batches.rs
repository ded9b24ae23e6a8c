//! Batches: planned, claimed, sent, ended.
//!
//! A batch is read, changed by [`BatchRecord`], and written in the same transaction, so that two processes cannot both change it.

use numcheck_protocol::{BatchNo, PhoneNumber};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::book::{self, Wanted};
use super::fault::{Fault, Result};
use super::jobs::must_be_planning;
use super::values::{NO_NUMBER, named};
use super::{each, results, waits};
use crate::batch::{BatchRecord, batch_no};
use crate::model::{BatchEnd, BatchState, JobState};
use crate::pace::SharedTurn;
use crate::proof::SignedSpan;
use crate::store::reading::SharedReader;
use crate::store::{Claimed, Control, NewBatch, NextBatch, OpenBatch};

/// How many batches one transaction looks up at most.
const LOOKED_UP: i64 = 16;

const NO_BATCH_NO: Fault = Fault::Damaged("a batch has a batchNo that the platform would not take");

pub(super) fn add(tx: &Transaction<'_>, job: i64, batches: &[NewBatch]) -> Result<()> {
    must_be_planning(tx, job)?;
    let mut number = tx.prepare_cached(
        "INSERT INTO numbers (batch, packed, job, first_row, despite) VALUES (?, ?, ?, ?, ?)",
    )?;
    for batch in batches {
        let id = insert(tx, job, batch.batch_no.as_str(), &batch.group, batch.numbers.len() as i64)?;
        let mut rows: Vec<(u64, u64)> =
            batch.numbers.iter().map(|(number, row)| (number.pack(), *row)).collect();
        // In the order of the key, pages are filled one after the other.
        rows.sort_unstable();
        for (packed, row) in rows {
            number.execute(params![id, packed as i64, job, row as i64, None::<i64>])?;
        }
    }
    Ok(())
}

fn insert(tx: &Transaction<'_>, job: i64, batch_no: &str, group: &str, numbers: i64) -> Result<i64> {
    tx.prepare_cached("INSERT INTO batches (job, batch_no, grp, numbers) VALUES (?, ?, ?, ?)")?
        .execute(params![job, batch_no, group, numbers])?;
    let id = tx.last_insert_rowid();
    let named = tx
        .prepare_cached("INSERT OR IGNORE INTO batch_names VALUES (?, ?)")?
        .execute(params![batch_no, id])?;
    if named == 0 {
        return Err(Fault::BatchNoTaken(batch_no.to_owned()));
    }
    tx.prepare_cached("UPDATE jobs SET batch_count = batch_count + 1 WHERE id = ?")?.execute([job])?;
    Ok(id)
}

/// A further planned batch of a job whose plan is whole.
pub(super) fn insert_further(tx: &Transaction<'_>, job: i64, group: &str, numbers: i64) -> Result<i64> {
    let (name, count): (String, i64) =
        tx.query_row("SELECT name, batch_count FROM jobs WHERE id = ?", [job], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let batch_no = batch_no(&named(&name)?, count as u64 + 1).map_err(|_| NO_BATCH_NO)?;
    insert(tx, job, batch_no.as_str(), group, numbers)
}

pub(super) fn next(tx: &Transaction<'_>, job: i64, skip: &[String]) -> Result<Option<NextBatch>> {
    let Some(policy) = book::policy_of_open(tx, job)? else { return Ok(None) };
    let planned: Vec<(i64, String, bool)> = tx
        .prepare_cached(
            "SELECT id, grp, tries > 0 FROM batches WHERE job = ? AND state = 0 ORDER BY id LIMIT ?",
        )?
        .query_map(params![job, if skip.is_empty() { LOOKED_UP } else { -1 }], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<std::result::Result<_, _>>()?;
    let mut last = None;
    for (batch, group, indivisible) in planned {
        if skip.contains(&group) {
            continue;
        }
        let wanted = book::look_up_batch(tx, batch, &policy)?.len() as u64;
        if wanted == 0 {
            nothing_to_send(tx, batch)?;
        }
        last = Some(NextBatch { batch, group, numbers: wanted, indivisible });
        if wanted > 0 {
            break;
        }
    }
    Ok(last)
}

/// A planned batch of which everything has a result or waits for one.
pub(super) fn nothing_to_send(tx: &Transaction<'_>, batch: i64) -> Result<()> {
    tx.prepare_cached("UPDATE batches SET state = 3 WHERE id = ? AND state = 0")?.execute([batch])?;
    Ok(())
}

pub(super) fn planned(tx: &Transaction<'_>, job: i64) -> Result<Vec<i64>> {
    let mut select = tx.prepare_cached("SELECT id FROM batches WHERE job = ? AND state = 0 ORDER BY id")?;
    Ok(select.query_map([job], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn claim(
    tx: &Transaction<'_>,
    batch: i64,
    owner: &str,
    limit: u64,
    now_ms: u64,
) -> Result<Option<Claimed>> {
    let found = tx
        .prepare_cached("SELECT job, grp FROM batches WHERE id = ? AND state = 0")?
        .query_row([batch], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((job, group)) = found else { return Ok(None) };
    let Some(policy) = book::policy_of_open(tx, job)? else { return Ok(None) };
    let Some(mut record) = read(tx, batch)? else { return Ok(None) };
    let mut wanted = book::look_up_batch(tx, batch, &policy)?;
    if wanted.is_empty() {
        nothing_to_send(tx, batch)?;
        return Ok(None);
    }
    wanted.sort_unstable_by_key(|wanted| wanted.first_row);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(None);
    }
    if wanted.len() > limit {
        // Late results of an earlier sending must still find their phone numbers here.
        if record.tries > 0 {
            return Ok(None);
        }
        let rest = wanted.split_off(limit);
        cut(tx, job, batch, &group, &rest)?;
    }
    let was_claimed = record.claim > 0;
    let claim = running(tx, "claims")?;
    record.claim(claim, owner, now_ms);
    write(tx, batch, &record)?;
    each::clear_marks(tx, batch)?;
    let numbers = wanted.iter().map(|wanted| PhoneNumber::unpack(wanted.packed as u64).ok_or(NO_NUMBER));
    let numbers = numbers.collect::<Result<_>>()?;
    wanted.sort_unstable_by_key(|wanted| wanted.packed);
    book::enter_claim(tx, batch, &policy, &wanted, was_claimed)?;
    let batch_no = BatchNo::new(&record.batch_no).map_err(|_| NO_BATCH_NO)?;
    Ok(Some(Claimed { batch, claim, batch_no, group, numbers }))
}

const RECORD: &str = "state, batch_no, tries, claim, owner, sent_ms, ended_ms, confirmed, first_ts, last_ts, from_reply, missing,
    message_id, code, message, resubmitted";

pub(super) fn read(tx: &Transaction<'_>, batch: i64) -> Result<Option<BatchRecord>> {
    let mut select = tx.prepare_cached(&format!("SELECT {RECORD} FROM batches WHERE id = ?"))?;
    Ok(select.query_row([batch], |row| record(row, 0)).optional()?)
}

fn record(row: &Row<'_>, at: usize) -> std::result::Result<BatchRecord, rusqlite::Error> {
    let mut record = BatchRecord::new(row.get::<_, String>(at + 1)?);
    let ms = |at| row.get::<_, Option<i64>>(at).map(|ms| ms.map(|ms| ms as u64));
    record.state = BatchState::from_figure(row.get(at)?);
    record.tries = row.get(at + 2)?;
    record.claim = row.get(at + 3)?;
    record.owner = row.get(at + 4)?;
    record.sent_ms = ms(at + 5)?;
    record.ended_ms = ms(at + 6)?;
    record.confirmed = row.get(at + 7)?;
    record.signed = signed(row.get(at + 8)?, row.get(at + 9)?);
    record.from_reply = row.get(at + 10)?;
    record.missing = row.get(at + 11)?;
    record.message_id = row.get(at + 12)?;
    record.code = row.get(at + 13)?;
    record.message = row.get(at + 14)?;
    record.resubmitted = row.get(at + 15)?;
    Ok(record)
}

pub(super) fn write(tx: &Transaction<'_>, batch: i64, record: &BatchRecord) -> Result<()> {
    let ms = |ms: Option<u64>| ms.map(|ms| ms as i64);
    tx.prepare_cached(&format!(
        "UPDATE batches SET ({RECORD}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"
    ))?
    .execute(params![
        record.state.figure(),
        record.batch_no,
        record.tries,
        record.claim,
        record.owner,
        ms(record.sent_ms),
        ms(record.ended_ms),
        record.confirmed,
        ms(record.signed.map(|signed| signed.first_ms)),
        ms(record.signed.map(|signed| signed.last_ms)),
        record.from_reply,
        record.missing,
        record.message_id,
        record.code,
        record.message,
        record.resubmitted,
        batch
    ])?;
    Ok(())
}

/// The state of a batch's job.
pub(super) fn job_state(tx: &Transaction<'_>, batch: i64) -> Result<JobState> {
    let mut select =
        tx.prepare_cached("SELECT j.state FROM batches b JOIN jobs j ON j.id = b.job WHERE b.id = ?")?;
    Ok(select.query_row([batch], |row| row.get(0)).map(JobState::from_figure)?)
}

/// The `batchNo` that a result of a batch names, if it has one.
fn proof(tx: &Transaction<'_>, batch: i64) -> Result<Option<String>> {
    Ok(tx
        .prepare_cached(
            "SELECT r.batch_no FROM numbers n JOIN results r ON r.id = n.result WHERE n.batch = ? AND n.via IS NULL LIMIT 1",
        )?
        .query_row([batch], |row| row.get(0))
        .optional()?)
}

/// Plans a part of a batch that surely was never accepted as a batch of its own.
fn cut(tx: &Transaction<'_>, job: i64, batch: i64, group: &str, rest: &[Wanted]) -> Result<()> {
    let to = insert_further(tx, job, group, rest.len() as i64)?;
    let mut update = tx.prepare_cached("UPDATE numbers SET batch = ? WHERE batch = ? AND packed = ?")?;
    for wanted in rest {
        update.execute(params![to, batch, wanted.packed])?;
        waits::leave_trace(tx, batch, to, wanted.packed)?;
    }
    tx.execute("UPDATE batches SET numbers = numbers - ? WHERE id = ?", params![rest.len() as i64, batch])?;
    Ok(())
}

/// The next of a running number.
pub(super) fn running(tx: &Transaction<'_>, name: &str) -> Result<i64> {
    Ok(tx
        .prepare_cached(
            "INSERT INTO marks VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        )?
        .query_row([name], |row| row.get(0))?)
}

pub(super) fn confirm(tx: &Transaction<'_>, batch: i64, claim: i64, ts_ms: u64) -> Result<bool> {
    let Some(mut record) = read(tx, batch)? else { return Ok(false) };
    let confirmed = record.confirm(claim, ts_ms, job_state(tx, batch)?);
    if confirmed {
        write(tx, batch, &record)?;
    }
    Ok(confirmed)
}

pub(super) fn end(tx: &Transaction<'_>, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> Result<()> {
    let Some(mut record) = read(tx, batch)? else { return Ok(()) };
    let proof = if end.is_accepted() { None } else { proof(tx, batch)? };
    if record.end(claim, end, now_ms, proof.as_deref()) {
        write(tx, batch, &record)?;
    }
    Ok(())
}

pub(super) fn give_up(tx: &Transaction<'_>, batch: i64, claim: i64) -> Result<bool> {
    let Some(mut record) = read(tx, batch)? else { return Ok(false) };
    let given_up = record.give_up(claim, proof(tx, batch)?.as_deref());
    if given_up {
        write(tx, batch, &record)?;
    }
    Ok(given_up)
}

pub(super) fn plan_again(
    tx: &Transaction<'_>,
    reader: &SharedReader,
    batch: i64,
    claim: i64,
) -> Result<bool> {
    // A result that waits to be entered is the best proof that it was accepted.
    results::fold_all(tx, reader)?;
    let Some(record) = read(tx, batch)? else { return Ok(false) };
    if !record.may_plan_again(claim, job_state(tx, batch)?) {
        return Ok(false);
    }
    plan_under_new_name(tx, batch, record)?;
    Ok(true)
}

fn plan_under_new_name(tx: &Transaction<'_>, batch: i64, mut record: BatchRecord) -> Result<()> {
    let batch_no = record.plan_again().map_err(|_| NO_BATCH_NO)?;
    write(tx, batch, &record)?;
    tx.execute("INSERT INTO batch_names VALUES (?, ?)", params![batch_no.as_str(), batch])?;
    Ok(())
}

/// Plans the job's own batches again that are in doubt or missing, whatever that may cost. Says how many phone numbers.
pub(super) fn resubmit_own(tx: &Transaction<'_>, job: i64, before_ms: u64) -> Result<u64> {
    let open: Vec<(i64, i64, BatchRecord)> = tx
        .prepare_cached(&format!(
            "SELECT id, numbers - done - failed - refused, {RECORD} FROM batches WHERE job = ? AND state IN (2, 3)
             AND numbers > done + failed + refused"
        ))?
        .query_map([job], |row| Ok((row.get(0)?, row.get(1)?, record(row, 2)?)))?
        .collect::<std::result::Result<_, _>>()?;
    let mut numbers = 0;
    for (batch, count, mut record) in open {
        if record.is_doubtful() && record.last_sent_ms() < before_ms {
            record.resubmitted += count;
            plan_under_new_name(tx, batch, record)?;
            numbers += count as u64;
        }
    }
    Ok(numbers)
}

pub(super) fn open(tx: &Transaction<'_>, job: i64) -> Result<Vec<OpenBatch>> {
    tx.prepare_cached(
        "SELECT id, job, claim, owner, batch_no, grp, state, coalesce(sent_ms, 0), first_ts, last_ts, from_reply, numbers,
            done + failed + refused, missing, message FROM batches
         WHERE state IN (1, 2, 3) AND done + failed + refused < numbers AND (
            (job = ?1 AND (SELECT state FROM jobs WHERE id = ?1) IN (1, 3)) OR id IN (SELECT via FROM waits WHERE job = ?1 AND waiting > 0))
         ORDER BY id",
    )?
    .query_and_then([job], open_batch)?
    .collect()
}

fn open_batch(row: &Row<'_>) -> Result<OpenBatch> {
    Ok(OpenBatch {
        batch: row.get(0)?,
        job: row.get(1)?,
        claim: row.get(2)?,
        owner: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        batch_no: BatchNo::new(row.get_ref(4)?.as_str()?).map_err(|_| NO_BATCH_NO)?,
        group: row.get(5)?,
        state: BatchState::from_figure(row.get(6)?),
        sent_ms: row.get::<_, i64>(7)? as u64,
        signed: signed(row.get(8)?, row.get(9)?),
        from_reply: row.get(10)?,
        numbers: row.get::<_, i64>(11)? as u64,
        settled: row.get::<_, i64>(12)? as u64,
        missing: row.get(13)?,
        message: row.get(14)?,
    })
}

pub(super) fn signed(first_ms: Option<i64>, last_ms: Option<i64>) -> Option<SignedSpan> {
    Some(SignedSpan { first_ms: first_ms? as u64, last_ms: last_ms? as u64 })
}

pub(super) fn controls(tx: &Transaction<'_>, scope: i64, after_ms: u64, most: u32) -> Result<Vec<Control>> {
    tx.prepare_cached(
        "SELECT b.id, b.batch_no, b.first_ts, b.last_ts, b.numbers - b.refused, b.failed FROM batches b JOIN jobs j ON j.id = b.job
         WHERE j.scope = ? AND b.state = 3 AND b.first_ts > ? AND b.tries = 0 AND b.numbers > b.refused ORDER BY b.failed = 0, b.numbers, b.id LIMIT ?",
    )?
    .query_and_then(params![scope, after_ms.min(i64::MAX as u64) as i64, most], |row| {
        Ok(Control {
            batch: row.get(0)?,
            batch_no: BatchNo::new(row.get_ref(1)?.as_str()?).map_err(|_| NO_BATCH_NO)?,
            signed: signed(row.get(2)?, row.get(3)?).ok_or(Fault::Damaged("an accepted batch was never signed"))?,
            numbers: row.get::<_, i64>(4)? as u64,
            failed: row.get::<_, i64>(5)? as u64,
        })
    })?
    .collect()
}

pub(super) fn mark_missing(tx: &Transaction<'_>, batch: i64, claim: i64) -> Result<u64> {
    let open: Option<(i64, BatchRecord)> = tx
        .prepare_cached(&format!(
            "SELECT numbers - done - failed - refused, {RECORD} FROM batches WHERE id = ? AND numbers > done + failed + refused"
        ))?
        .query_row([batch], |row| Ok((row.get(0)?, record(row, 1)?)))
        .optional()?;
    let Some((count, mut record)) = open else { return Ok(0) };
    if !record.mark_missing(claim) {
        return Ok(0);
    }
    write(tx, batch, &record)?;
    Ok(count as u64)
}

pub(super) fn sent_in_group(tx: &Transaction<'_>, job: i64, group: &str) -> Result<u64> {
    let sent: i64 = tx
        .prepare_cached(
            "SELECT count(*) FROM batches WHERE job = ? AND grp = ? AND claim > 0 AND state IN (1, 2, 3)",
        )?
        .query_row(params![job, group], |row| row.get(0))?;
    Ok(sent as u64)
}

pub(super) fn take_turn(tx: &Transaction<'_>, bucket: &str, interval_ms: u64, now_ms: u64) -> Result<u64> {
    let mark = |name: &str| -> Result<Option<u64>> {
        let mut select = tx.prepare_cached("SELECT value FROM marks WHERE name = ?")?;
        Ok(select.query_row([name], |row| row.get::<_, i64>(0)).optional()?.map(|value| value as u64))
    };
    let (next, interval) = (format!("turn {bucket}"), format!("interval {bucket}"));
    // A store of an older release has no interval beside a turn.
    let last_interval_ms = mark(&interval)?;
    let last = mark(&next)?
        .map(|next_ms| SharedTurn { next_ms, interval_ms: last_interval_ms.unwrap_or(interval_ms) });
    let (turn, wait_ms) = SharedTurn::after(last, interval_ms, now_ms);
    let mut set = tx.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?, ?)")?;
    set.execute(params![next, turn.next_ms as i64])?;
    if last_interval_ms != Some(interval_ms) {
        set.execute(params![interval, interval_ms as i64])?;
    }
    Ok(wait_ms)
}
