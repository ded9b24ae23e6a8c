//! Batches: planned, claimed, sent, ended.
//!
//! Every change of a state says from which state it comes, so that two processes cannot both make it.

use std::sync::LazyLock;

use numcheck_protocol::{BatchNo, PhoneNumber};
use tokio_postgres::Row;

use super::book::{self, Elsewhere, Wanted};
use super::fault::Fault;
use super::fold;
use super::session::{Session, big, get, get_u64, text};
use super::waits;
use crate::model::{BatchEnd, BatchState, Scope};
use crate::proof::SignedSpan;
use crate::store::{Claimed, Control, MOST_AHEAD_MS, NewBatch, NextBatch, OpenBatch};

type Result<T> = std::result::Result<T, Fault>;

pub(super) const PLANNED: i16 = 0;
const SENDING: i16 = 1;
const IN_DOUBT: i16 = 2;
const ACCEPTED: i16 = 3;
pub(super) const REFUSED: i16 = 4;

/// Numbers in one statement.
const AT_ONCE: usize = 20_000;
/// How many batches one transaction looks up at most.
const LOOKED_UP: i64 = 16;

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
    let sql = "UPDATE jobs SET batch_count = batch_count + $2 WHERE id = $1 AND state = 0";
    if session.run(sql, &[&job, &(batches.len() as i64)]).await? == 0 {
        return Err(Fault::superseded());
    }
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

/// A further planned batch of a job whose plan is whole.
pub(super) async fn insert_further(session: &Session, job: i64, group: &str, numbers: i64) -> Result<i64> {
    let sql = "UPDATE jobs SET batch_count = batch_count + 1 WHERE id = $1 RETURNING name, batch_count";
    let row = session.row(sql, &[&job]).await?.ok_or_else(|| Fault::damaged("a batch has no job"))?;
    let batch_no = format!("nc-{}-{}", get::<&str>(&row, 0)?, get::<i64>(&row, 1)?);
    BatchNo::new(&batch_no).map_err(|_| no_batch_no())?;
    let sql = "INSERT INTO batches (job, batch_no, grp, numbers) VALUES ($1, $2, $3, $4) RETURNING id";
    let row = session.row(sql, &[&job, &batch_no, &text(group), &numbers]).await?;
    let id: i64 =
        row.map(|row| get(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("a batch has no key"))?;
    session.run("INSERT INTO batch_names VALUES ($1, $2)", &[&batch_no.as_bytes(), &id]).await?;
    Ok(id)
}

pub(super) async fn next(session: &Session, job: i64, skip: &[String]) -> Result<Option<NextBatch>> {
    if book::lock_scope_of(session, job).await?.is_none() {
        return Ok(None);
    }
    let Some(of_job) = book::policy_of_open(session, job).await? else { return Ok(None) };
    let sql = "SELECT id, grp, tries > 0 FROM batches WHERE job = $1 AND state = 0 AND grp <> ALL ($2) ORDER BY id LIMIT $3";
    let skip: Vec<_> = skip.iter().map(|group| text(group)).collect();
    let skip: Vec<&str> = skip.iter().map(|group| &**group).collect();
    let (mut last, mut elsewhere) = (None, Elsewhere::default());
    for row in session.rows(sql, &[&job, &skip, &LOOKED_UP]).await? {
        let batch: i64 = get(&row, 0)?;
        // A result may have proved meanwhile that it was accepted.
        if !lock_planned(session, batch).await? {
            continue;
        }
        let wanted = book::look_up_batch(session, batch, &of_job, &mut elsewhere).await?.len() as u64;
        if wanted == 0 {
            session.run(NOTHING_TO_SEND, &[&batch]).await?;
        }
        last = Some(NextBatch { batch, group: get(&row, 1)?, numbers: wanted, indivisible: get(&row, 2)? });
        if wanted > 0 {
            break;
        }
    }
    elsewhere.write(session, job).await?;
    Ok(last)
}

/// Looks the book up for all planned batches of a job whose scope is locked.
pub(super) async fn look_up_all(session: &Session, job: i64) -> Result<()> {
    let Some(of_job) = book::policy_of_open(session, job).await? else { return Ok(()) };
    let mut elsewhere = Elsewhere::default();
    for row in
        session.rows("SELECT id FROM batches WHERE job = $1 AND state = 0 ORDER BY id", &[&job]).await?
    {
        let batch: i64 = get(&row, 0)?;
        if lock_planned(session, batch).await?
            && book::look_up_batch(session, batch, &of_job, &mut elsewhere).await?.is_empty()
        {
            session.run(NOTHING_TO_SEND, &[&batch]).await?;
        }
    }
    elsewhere.write(session, job).await
}

const NOTHING_TO_SEND: &str = "UPDATE batches SET state = 3 WHERE id = $1 AND state = 0";

async fn lock_planned(session: &Session, batch: i64) -> Result<bool> {
    let sql = "SELECT FROM batches WHERE id = $1 AND state = 0 FOR UPDATE";
    Ok(session.row(sql, &[&batch]).await?.is_some())
}

pub(super) async fn claim(
    session: &Session,
    batch: i64,
    owner: &str,
    limit: u64,
    now_ms: u64,
) -> Result<Option<Claimed>> {
    let job = session.row("SELECT job FROM batches WHERE id = $1", &[&batch]).await?;
    let Some(job) = job.map(|row| get::<i64>(&row, 0)).transpose()? else { return Ok(None) };
    if book::lock_scope_of(session, job).await?.is_none() {
        return Ok(None);
    }
    let Some(of_job) = book::policy_of_open(session, job).await? else { return Ok(None) };
    let sql = "SELECT batch_no, grp, tries, claim > 0 FROM batches WHERE id = $1 AND state = 0 FOR UPDATE";
    let Some(found) = session.row(sql, &[&batch]).await? else { return Ok(None) };
    let group: String = get(&found, 1)?;
    let mut elsewhere = Elsewhere::default();
    let mut wanted = book::look_up_batch(session, batch, &of_job, &mut elsewhere).await?;
    wanted.sort_unstable_by_key(|wanted| wanted.first_row);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Late results of an earlier sending must still find their phone numbers here.
    let is_cut = wanted.len() > limit && get::<i64>(&found, 2)? > 0;
    if wanted.is_empty() || limit == 0 || is_cut {
        if wanted.is_empty() {
            session.run(NOTHING_TO_SEND, &[&batch]).await?;
        }
        elsewhere.write(session, job).await?;
        return Ok(None);
    }
    let rest = wanted.split_off(limit.min(wanted.len()));
    if !rest.is_empty() {
        cut(session, job, batch, &group, &rest).await?;
    }
    let numbers = wanted.iter().map(|wanted| unpack(wanted.packed)).collect::<Result<_>>()?;
    let sql = "UPDATE batches SET state = 1, claim = nextval('claims'), claimed_by = $2, sent_ms = $3, ended_ms = NULL, code = NULL,
        message = NULL, from_reply = false, confirmed = false, missing = false WHERE id = $1 RETURNING claim";
    let row = session.row(sql, &[&batch, &text(owner), &big(now_ms)]).await?;
    let claim = row.map(|row| get(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("a batch is gone"))?;
    book::enter_claim(session, batch, &of_job, &wanted, get(&found, 3)?).await?;
    elsewhere.write(session, job).await?;
    Ok(Some(Claimed { batch, claim, batch_no: batch_no(&found, 0)?, group, numbers }))
}

/// Plans a part of a batch that surely was never accepted as a batch of its own.
async fn cut(session: &Session, job: i64, batch: i64, group: &str, rest: &[Wanted]) -> Result<()> {
    let count = rest.len() as i64;
    let to = insert_further(session, job, group, count).await?;
    let packed: Vec<i64> = rest.iter().map(|wanted| wanted.packed).collect();
    let sql = "UPDATE numbers SET batch = $2 WHERE batch = $1 AND packed = ANY ($3)";
    session.run(sql, &[&batch, &to, &packed]).await?;
    waits::leave_traces(session, &vec![batch; packed.len()], to, &packed).await?;
    session.run("UPDATE batches SET numbers = numbers - $2 WHERE id = $1", &[&batch, &count]).await?;
    Ok(())
}

pub(super) async fn confirm(session: &Session, batch: i64, claim: i64, ts_ms: u64) -> Result<bool> {
    let sql =
        "UPDATE batches SET confirmed = true, first_ts = least(first_ts, $3), last_ts = greatest(last_ts, $3)
        WHERE id = $1 AND claim = $2 AND state = 1 AND (SELECT state FROM jobs WHERE id = batches.job) <> 2";
    Ok(session.run(sql, &[&batch, &claim, &big(ts_ms)]).await? > 0)
}

pub(super) async fn end(
    session: &Session,
    batch: i64,
    claim: i64,
    end: &BatchEnd,
    now_ms: u64,
) -> Result<()> {
    let (to, message_id, code, message, from_reply) = match end {
        BatchEnd::Accepted { message_id } => (ACCEPTED, message_id.as_deref(), None, None, false),
        BatchEnd::Refused { code, message } => (REFUSED, None, *code, Some(message.as_str()), false),
        BatchEnd::TurnedAway { code, message } => (PLANNED, None, *code, Some(message.as_str()), false),
        BatchEnd::NotSent => (PLANNED, None, None, None, false),
        BatchEnd::InDoubt { code, message, from_reply } => {
            (IN_DOUBT, None, *code, Some(message.as_str()), *from_reply)
        }
    };
    let sql = "UPDATE batches SET state = $3, message_id = $4, code = $5, message = $6, ended_ms = $7, from_reply = $8
        WHERE id = $1 AND claim = $2 AND state IN (1, 2)";
    let (message_id, message) = (message_id.map(text), message.map(text));
    let changed = session
        .run(sql, &[&batch, &claim, &to, &message_id, &code, &message, &big(now_ms), &from_reply])
        .await?;
    if changed > 0 && to != ACCEPTED {
        accept_if_proved(session, batch).await?;
    }
    Ok(())
}

/// A result has come already: the batch was accepted, whatever became of the answer, and under the `batchNo` that the result names.
async fn accept_if_proved(session: &Session, batch: i64) -> Result<()> {
    let sql = "UPDATE batches SET state = 3, code = NULL, message = NULL, batch_no = coalesce(
            (SELECT convert_from(r.batch_no, 'UTF8') FROM numbers n JOIN results r ON r.id = n.result
             WHERE n.batch = $1 AND n.via IS NULL LIMIT 1), batch_no)
        WHERE id = $1 AND EXISTS (SELECT FROM numbers n WHERE n.batch = $1 AND n.via IS NULL AND n.result IS NOT NULL)";
    session.run(sql, &[&batch]).await?;
    Ok(())
}

pub(super) async fn give_up(session: &Session, batch: i64, claim: i64) -> Result<bool> {
    let sql = "UPDATE batches SET state = CASE WHEN confirmed THEN 2 ELSE 0 END,
        message = CASE WHEN confirmed THEN 'the process that sent it ended before the platform answered' END
        WHERE id = $1 AND claim = $2 AND state = 1";
    let changed = session.run(sql, &[&batch, &claim]).await?;
    if changed > 0 {
        accept_if_proved(session, batch).await?;
    }
    Ok(changed > 0)
}

pub(super) async fn plan_again(session: &Session, batch: i64, claim: i64) -> Result<bool> {
    // A result that waits to be entered is the best proof that it was accepted.
    fold::fold_all(session).await?;
    let sql = "SELECT batch_no FROM batches WHERE id = $1 AND claim = $2 AND state = 2 AND NOT from_reply
        AND EXISTS (SELECT FROM jobs WHERE jobs.id = batches.job AND jobs.state IN (1, 3)) FOR UPDATE";
    let Some(row) = session.row(sql, &[&batch, &claim]).await? else { return Ok(false) };
    plan_under_new_name(session, batch, get(&row, 0)?).await?;
    Ok(true)
}

async fn plan_under_new_name(session: &Session, batch: i64, batch_no: &str) -> Result<()> {
    let sql = "UPDATE batches SET state = 0, tries = tries + 1, claimed_by = NULL, code = NULL, message = NULL, missing = false,
        first_ts = NULL, last_ts = NULL, from_reply = false, confirmed = false WHERE id = $1 RETURNING tries";
    let row = session.row(sql, &[&batch]).await?;
    let tries: i64 =
        row.map(|row| get(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("a batch is gone"))?;
    let first = batch_no.strip_suffix(&format!(".r{}", tries - 1)).unwrap_or(batch_no);
    let next = format!("{first}.r{tries}");
    BatchNo::new(&next).map_err(|_| no_batch_no())?;
    session.run("UPDATE batches SET batch_no = $2 WHERE id = $1", &[&batch, &next]).await?;
    session.run("INSERT INTO batch_names VALUES ($1, $2)", &[&next.as_bytes(), &batch]).await?;
    Ok(())
}

/// Plans the job's own batches again that are in doubt or missing, whatever that may cost. Says how many phone numbers.
pub(super) async fn resubmit_own(session: &Session, job: i64, before_ms: u64) -> Result<u64> {
    let sql = "SELECT id, batch_no, numbers - done - failed - refused FROM batches
        WHERE job = $1 AND state IN (2, 3) AND (state = 2 OR missing) AND greatest(sent_ms, last_ts, 0) < $2 AND numbers > done + failed + refused
        ORDER BY id FOR UPDATE";
    let mut numbers = 0;
    for row in session.rows(sql, &[&job, &big(before_ms)]).await? {
        let (batch, count): (i64, i64) = (get(&row, 0)?, get(&row, 2)?);
        plan_under_new_name(session, batch, get(&row, 1)?).await?;
        let sql = "UPDATE batches SET resubmitted = resubmitted + $2 WHERE id = $1";
        session.run(sql, &[&batch, &count]).await?;
        numbers += count.max(0) as u64;
    }
    Ok(numbers)
}

pub(super) async fn open(session: &Session, job: i64) -> Result<Vec<OpenBatch>> {
    let sql = "WITH wanted AS (
            SELECT id FROM batches WHERE job = $1 AND state IN (1, 2, 3) AND (SELECT state FROM jobs WHERE id = $1) IN (1, 3)
            UNION SELECT via FROM waits WHERE job = $1 AND waiting > 0
        )
        SELECT b.id, b.job, b.claim, coalesce(b.claimed_by, ''), b.batch_no, b.grp, b.state, coalesce(b.sent_ms, 0), b.first_ts, b.last_ts,
            b.from_reply, b.numbers, b.done + b.failed + b.refused, b.missing, b.message
        FROM wanted JOIN batches b ON b.id = wanted.id
        WHERE b.state IN (1, 2, 3) AND b.done + b.failed + b.refused < b.numbers ORDER BY b.id";
    session.rows(sql, &[&job]).await?.iter().map(open_batch).collect()
}

fn open_batch(row: &Row) -> Result<OpenBatch> {
    Ok(OpenBatch {
        batch: get(row, 0)?,
        job: get(row, 1)?,
        claim: get(row, 2)?,
        owner: get(row, 3)?,
        batch_no: batch_no(row, 4)?,
        group: get(row, 5)?,
        state: state(get(row, 6)?),
        sent_ms: get_u64(row, 7)?,
        signed: signed(row, 8)?,
        from_reply: get(row, 10)?,
        numbers: get_u64(row, 11)?,
        settled: get_u64(row, 12)?,
        missing: get(row, 13)?,
        message: get(row, 14)?,
    })
}

/// The least and the greatest timestamp of a batch's attempts, from two columns.
fn signed(row: &Row, at: usize) -> Result<Option<SignedSpan>> {
    let span = get::<Option<i64>>(row, at)?.zip(get::<Option<i64>>(row, at + 1)?);
    Ok(span.map(|(first, last)| SignedSpan { first_ms: first as u64, last_ms: last as u64 }))
}

pub(super) async fn controls(
    session: &Session,
    scope: &Scope,
    after_ms: u64,
    most: u32,
) -> Result<Vec<Control>> {
    let Some(scope) = book::find_scope(session, scope).await? else { return Ok(Vec::new()) };
    let sql = "SELECT b.id, b.batch_no, b.first_ts, b.last_ts, b.numbers - b.refused, b.failed FROM jobs j CROSS JOIN LATERAL (
            SELECT * FROM batches WHERE job = j.id AND state = 3 AND first_ts > $2 AND tries = 0 AND numbers > refused
            ORDER BY failed = 0, numbers, id LIMIT $3
        ) AS b WHERE j.scope = $1 ORDER BY b.failed = 0, b.numbers, b.id LIMIT $3";
    let rows = session.rows(sql, &[&scope, &big(after_ms), &i64::from(most)]).await?;
    let control = |row| {
        Ok(Control {
            batch: get(row, 0)?,
            batch_no: batch_no(row, 1)?,
            signed: signed(row, 2)?.ok_or_else(|| Fault::damaged("an accepted batch was never signed"))?,
            numbers: get_u64(row, 4)?,
            failed: get_u64(row, 5)?,
        })
    };
    rows.iter().map(control).collect()
}

pub(super) async fn mark_missing(session: &Session, batch: i64, claim: i64) -> Result<u64> {
    let sql = "UPDATE batches SET missing = true
        WHERE id = $1 AND claim = $2 AND state = 3 AND NOT missing AND done + failed + refused < numbers RETURNING numbers - done - failed - refused";
    let row = session.row(sql, &[&batch, &claim]).await?;
    Ok(row.map(|row| get_u64(&row, 0)).transpose()?.unwrap_or_default())
}

pub(super) async fn sent_in_group(session: &Session, job: i64, group: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM batches WHERE job = $1 AND state IN (1, 2, 3) AND grp = $2 AND claim > 0";
    let row = session.row(sql, &[&job, &text(group)]).await?;
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
    unpack(get(row, at)?)
}

fn unpack(packed: i64) -> Result<PhoneNumber> {
    PhoneNumber::unpack(packed as u64).ok_or_else(|| Fault::damaged("a batch holds what is no phone number"))
}
