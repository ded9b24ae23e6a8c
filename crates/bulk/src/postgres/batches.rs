//! Batches: planned, sent, ended.
//!
//! Every change of a state says from which state it comes, so that two processes cannot both make it.

use std::sync::LazyLock;

use numcheck_protocol::{BatchNo, PhoneNumber};
use tokio_postgres::Row;

use super::fault::Fault;
use super::fold;
use super::jobs::must_be_planning;
use super::session::{Session, big, get, get_u64, text};
use crate::model::{BatchEnd, BatchState};
use crate::store::{Claimed, MOST_AHEAD_MS, NewBatch, OpenBatch};

type Result<T> = std::result::Result<T, Fault>;

pub(super) const PLANNED: i16 = 0;
pub(super) const SENDING: i16 = 1;
pub(super) const IN_DOUBT: i16 = 2;
pub(super) const ACCEPTED: i16 = 3;
pub(super) const REFUSED: i16 = 4;

/// Numbers in one statement.
const AT_ONCE: usize = 20_000;

pub(super) fn state(number: i16) -> BatchState {
    match number {
        PLANNED => BatchState::Planned,
        SENDING => BatchState::Sending,
        ACCEPTED => BatchState::Accepted,
        REFUSED => BatchState::Refused,
        _ => BatchState::InDoubt,
    }
}

pub(super) async fn add(session: &Session, job: i64, batches: &[NewBatch]) -> Result<()> {
    must_be_planning(session, job).await?;
    let names: Vec<&str> = batches.iter().map(|batch| batch.batch_no.as_str()).collect();
    let groups: Vec<_> = batches.iter().map(|batch| text(&batch.group)).collect();
    let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
    let counts: Vec<i64> = batches.iter().map(|batch| batch.numbers.len() as i64).collect();
    // Keys are given in the order of the call, which is the order in which batches are sent.
    let sql = "WITH made AS (
            INSERT INTO batches (job, batch_no, grp, numbers)
            SELECT $1, new.batch_no, new.grp, new.numbers
            FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS new (batch_no, grp, numbers, at) ORDER BY new.at
            RETURNING id, batch_no
        ), named AS (INSERT INTO batch_names SELECT convert_to(batch_no, 'UTF8'), id FROM made)
        SELECT id FROM made ORDER BY id";
    let rows = session.rows(sql, &[&job, &names, &groups, &counts]).await?;
    let mut numbers: Vec<(i64, i64, i64)> = Vec::new();
    for (row, batch) in rows.iter().zip(batches) {
        let id: i64 = get(row, 0)?;
        numbers.extend(batch.numbers.iter().map(|(number, row)| (id, number.pack() as i64, big(*row))));
    }
    // In the order of the key, pages are filled one after the other.
    numbers.sort_unstable();
    for numbers in numbers.chunks(AT_ONCE) {
        let ids: Vec<i64> = numbers.iter().map(|(id, _, _)| *id).collect();
        let packed: Vec<i64> = numbers.iter().map(|(_, packed, _)| *packed).collect();
        let rows: Vec<i64> = numbers.iter().map(|(_, _, row)| *row).collect();
        let sql = "INSERT INTO numbers (batch, packed, job, first_row)
            SELECT new.batch, new.packed, $1, new.first_row
            FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS new (batch, packed, first_row)";
        session.run(sql, &[&job, &ids, &packed, &rows]).await?;
    }
    Ok(())
}

/// Whoever looks for a batch passes over those that another is just taking.
const TAKE: &str =
    "UPDATE batches SET state = $3, owner = $2, sent_ms = $4, ended_ms = NULL, code = NULL, message = NULL
    WHERE id = (
        SELECT batches.id FROM batches WHERE batches.job = $1 AND batches.state = 0
        AND EXISTS (SELECT FROM jobs WHERE jobs.id = $1 AND jobs.state = 1)
        ORDER BY batches.id FOR UPDATE OF batches SKIP LOCKED LIMIT 1
    ) RETURNING id, batch_no, grp";

pub(super) async fn next_size(session: &Session, job: i64) -> Result<Option<u64>> {
    let sql = "SELECT numbers FROM batches WHERE job = $1 AND state = $2
        AND (SELECT state FROM jobs WHERE id = $1) = 1 ORDER BY id LIMIT 1";
    session.row(sql, &[&job, &PLANNED]).await?.map(|row| get_u64(&row, 0)).transpose()
}

pub(super) async fn claim(session: &Session, job: i64, owner: &str, now_ms: u64) -> Result<Option<Claimed>> {
    loop {
        let row = session.row(TAKE, &[&job, &text(owner), &SENDING, &big(now_ms)]).await?;
        let Some(row) = row else { return Ok(None) };
        let batch: i64 = get(&row, 0)?;
        // A number that has its result is not paid for again, even when its batch is planned once more.
        let sql = "SELECT packed FROM numbers WHERE batch = $1 AND result IS NULL ORDER BY first_row";
        let rows = session.rows(sql, &[&batch]).await?;
        if rows.is_empty() {
            session.run("UPDATE batches SET state = $2 WHERE id = $1", &[&batch, &ACCEPTED]).await?;
            continue;
        }
        let numbers = rows.iter().map(|row| number(row, 0)).collect::<Result<_>>()?;
        return Ok(Some(Claimed { batch, batch_no: batch_no(&row, 1)?, group: get(&row, 2)?, numbers }));
    }
}

pub(super) async fn end(
    session: &Session,
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
    let sql = "UPDATE batches SET state = $3, message_id = $4, code = $5, message = $6, ended_ms = $7
        WHERE id = $1 AND batch_no = $2 AND state IN (1, 2)";
    let (message_id, message) = (message_id.map(text), message.map(text));
    let changed =
        session.run(sql, &[&batch, &batch_no, &to, &message_id, &code, &message, &big(now_ms)]).await?;
    if changed > 0 && to != ACCEPTED {
        accept_if_proved(session, batch).await?;
    }
    Ok(())
}

/// A result has come already: the batch was accepted, whatever became of the answer, and under the number that the result names.
async fn accept_if_proved(session: &Session, batch: i64) -> Result<()> {
    let sql = "UPDATE batches SET state = 3, code = NULL, message = NULL, batch_no = coalesce(
            (SELECT convert_from(r.batch_no, 'UTF8') FROM numbers n JOIN results r ON r.id = n.result WHERE n.batch = $1 LIMIT 1), batch_no)
        WHERE id = $1 AND done + failed + refused > 0";
    session.run(sql, &[&batch]).await?;
    Ok(())
}

pub(super) async fn give_up_sending(session: &Session, job: i64, before_ms: u64) -> Result<u64> {
    let sql = "UPDATE batches SET state = 2, message = 'the process that sent it ended before the platform answered'
        WHERE job = $1 AND state = 1 AND sent_ms < $2 RETURNING id";
    let rows = session.rows(sql, &[&job, &big(before_ms)]).await?;
    for row in &rows {
        accept_if_proved(session, get(row, 0)?).await?;
    }
    Ok(rows.len() as u64)
}

pub(super) async fn plan_again(session: &Session, batch: i64, batch_no: &str) -> Result<bool> {
    // A result that waits to be entered is the best proof that it was accepted.
    fold::fold_all(session).await?;
    let sql = "UPDATE batches SET state = 0, tries = tries + 1, owner = NULL, code = NULL, message = NULL
        WHERE id = $1 AND batch_no = $2 AND state = 2
        AND EXISTS (SELECT FROM jobs WHERE jobs.id = batches.job AND jobs.state = 1) RETURNING tries";
    let Some(row) = session.row(sql, &[&batch, &batch_no]).await? else { return Ok(false) };
    let tries: i64 = get(&row, 0)?;
    let first = batch_no.strip_suffix(&format!(".r{}", tries - 1)).unwrap_or(batch_no);
    let next = format!("{first}.r{tries}");
    BatchNo::new(&next).map_err(|_| no_batch_no())?;
    session.run("UPDATE batches SET batch_no = $2 WHERE id = $1", &[&batch, &next]).await?;
    session.run("INSERT INTO batch_names VALUES ($1, $2)", &[&next.as_bytes(), &batch]).await?;
    Ok(true)
}

pub(super) async fn open(session: &Session, job: i64) -> Result<Vec<OpenBatch>> {
    let sql = "SELECT id, batch_no, state, coalesce(sent_ms, 0), ended_ms, numbers, done + failed + refused, missing, message, grp FROM batches
        WHERE job = $1 AND state IN (1, 2, 3) AND done + failed + refused < numbers
        AND EXISTS (SELECT FROM jobs WHERE jobs.id = $1 AND jobs.state = 1) ORDER BY id";
    session.rows(sql, &[&job]).await?.iter().map(open_batch).collect()
}

fn open_batch(row: &Row) -> Result<OpenBatch> {
    Ok(OpenBatch {
        batch: get(row, 0)?,
        batch_no: batch_no(row, 1)?,
        state: state(get(row, 2)?),
        sent_ms: get_u64(row, 3)?,
        ended_ms: get::<Option<i64>>(row, 4)?.map(|ms| ms as u64),
        numbers: get_u64(row, 5)?,
        settled: get_u64(row, 6)?,
        missing: get(row, 7)?,
        message: get(row, 8)?,
        group: get(row, 9)?,
    })
}

pub(super) async fn mark_missing(session: &Session, batch: i64, batch_no: &str) -> Result<u64> {
    let sql = "UPDATE batches SET missing = true
        WHERE id = $1 AND batch_no = $2 AND state = 3 AND NOT missing AND done + failed + refused < numbers RETURNING numbers - done - failed - refused";
    let row = session.row(sql, &[&batch, &batch_no]).await?;
    Ok(row.map(|row| get_u64(&row, 0)).transpose()?.unwrap_or_default())
}

/// The bucket holds when the next turn is free for a request like the last one, and how long that one's interval is. The time is the
/// caller's where it names one, else the server's, read once the bucket's row is locked.
static TAKE_TURN: LazyLock<String> = LazyLock::new(|| {
    let now = "coalesce($3::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)";
    format!(
        "INSERT INTO turns AS t (name, next_ms, interval_ms) VALUES ($1, {now} + $2::bigint, $2) ON CONFLICT (name) DO UPDATE SET
            next_ms = $2 + CASE WHEN t.next_ms > {now} + {MOST_AHEAD_MS} THEN {now}
                ELSE greatest(t.next_ms + greatest($2 - coalesce(t.interval_ms, $2), 0), {now}) END,
            interval_ms = $2
        RETURNING greatest(next_ms - $2 - {now}, 0)"
    )
});

pub(super) async fn take_turn(
    session: &Session,
    bucket: &str,
    interval_ms: u64,
    now_ms: Option<u64>,
) -> Result<u64> {
    let row = session.row(&TAKE_TURN, &[&text(bucket), &big(interval_ms), &now_ms.map(big)]).await?;
    row.map(|row| get_u64(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("a bucket gives no turn"))
}

fn batch_no(row: &Row, at: usize) -> Result<BatchNo> {
    BatchNo::new(get(row, at)?).map_err(|_| no_batch_no())
}

fn no_batch_no() -> Fault {
    Fault::damaged("a batch has a number that the platform would not take")
}

pub(super) fn number(row: &Row, at: usize) -> Result<PhoneNumber> {
    PhoneNumber::unpack(get::<i64>(row, at)? as u64)
        .ok_or_else(|| Fault::damaged("a batch holds what is no phone number"))
}
