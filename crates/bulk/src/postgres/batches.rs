//! Batches: planned, claimed, sent, ended.
//!
//! A batch is read under its lock, changed by [`BatchRecord`], and written in the same transaction, so that two processes cannot both change it.

use numcheck_protocol::BatchNo;
use tokio_postgres::Row;

use super::book::{self, Elsewhere, Wanted};
use super::fault::Fault;
use super::fold;
use super::session::{Session, Value, big, get, get_text, get_u64, text};
use super::values::{name, unpack};
use super::{each, waits};
use crate::batch::{BatchRecord, batch_no};
use crate::model::{BatchEnd, BatchState, JobState, Scope};
use crate::pace::SharedTurn;
use crate::proof::SignedSpan;
use crate::store::{Claimed, Control, NewBatch, NextBatch, OpenBatch};

type Result<T> = std::result::Result<T, Fault>;

/// Numbers in one statement.
const AT_ONCE: usize = 20_000;
/// How many batches one transaction looks up at most.
const LOOKED_UP: i64 = 16;

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
        ), named AS (INSERT INTO batch_names SELECT convert_to(batch_no, 'UTF8'), id FROM made ON CONFLICT DO NOTHING RETURNING batch)
        SELECT made.id, named.batch IS NOT NULL FROM made LEFT JOIN named ON named.batch = made.id ORDER BY made.id";
    let rows = session.rows(sql, &[&job, &names, &groups, &counts]).await?;
    for (row, batch) in rows.iter().zip(batches) {
        if !get::<bool>(row, 1)? {
            return Err(Fault::batch_no_taken(batch.batch_no.as_str()));
        }
    }
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
    let batch_no = batch_no(&name(&row, 0)?, get_u64(&row, 1)?).map_err(|_| no_batch_no())?;
    let sql = "INSERT INTO batches (job, batch_no, grp, numbers) VALUES ($1, $2, $3, $4) RETURNING id";
    let row = session.row(sql, &[&job, &batch_no.as_str(), &text(group), &numbers]).await?;
    let id: i64 =
        row.map(|row| get(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("a batch has no key"))?;
    session.run("INSERT INTO batch_names VALUES ($1, $2)", &[&batch_no.as_str().as_bytes(), &id]).await?;
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
    let Some((row, mut record)) = lock(session, batch).await? else { return Ok(None) };
    if record.state != BatchState::Planned {
        return Ok(None);
    }
    let group: String = get(&row, RECORD_LEN + 1)?;
    let mut elsewhere = Elsewhere::default();
    let mut wanted = book::look_up_batch(session, batch, &of_job, &mut elsewhere).await?;
    wanted.sort_unstable_by_key(|wanted| wanted.first_row);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Late results of an earlier sending must still find their phone numbers here.
    let is_cut = wanted.len() > limit && record.tries > 0;
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
    let claim = next_claim(session).await?;
    let was_claimed = record.claim > 0;
    record.claim(claim, owner, now_ms);
    write(session, batch, &record).await?;
    each::clear_marks(session, batch).await?;
    book::enter_claim(session, batch, of_job.scope, &wanted, was_claimed).await?;
    elsewhere.write(session, job).await?;
    let batch_no = BatchNo::new(&record.batch_no).map_err(|_| no_batch_no())?;
    Ok(Some(Claimed { batch, claim, batch_no, group, numbers }))
}

/// A key that no claim had before.
pub(super) async fn next_claim(session: &Session) -> Result<i64> {
    let row = session.row("SELECT nextval('claims')", &[]).await?;
    row.map(|row| get(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("no claim has a key"))
}

/// The columns of a [`BatchRecord`], in an order that [`write`] shares.
macro_rules! record {
    () => {
        "state, batch_no, tries, claim, claimed_by, sent_ms, ended_ms, confirmed, first_ts, last_ts, from_reply, missing,
        message_id, code, message, resubmitted"
    };
}
const RECORD_LEN: usize = 16;

/// Locks a batch until the transaction ends. Its row goes on with how many phone numbers have no result, and the group.
pub(super) async fn lock(session: &Session, batch: i64) -> Result<Option<(Row, BatchRecord)>> {
    const SQL: &str = concat!(
        "SELECT ",
        record!(),
        ", numbers - done - failed - refused, grp FROM batches WHERE id = $1 FOR UPDATE"
    );
    let Some(row) = session.row(SQL, &[&batch]).await? else { return Ok(None) };
    let record = record(&row)?;
    Ok(Some((row, record)))
}

/// Locks a batch against changes until the transaction ends, beside others that do the same.
pub(super) async fn lock_shared(session: &Session, batch: i64) -> Result<Option<(Row, BatchRecord)>> {
    const SQL: &str = concat!("SELECT ", record!(), " FROM batches WHERE id = $1 FOR SHARE");
    let Some(row) = session.row(SQL, &[&batch]).await? else { return Ok(None) };
    let record = record(&row)?;
    Ok(Some((row, record)))
}

fn record(row: &Row) -> Result<BatchRecord> {
    let ms = |at| Ok::<_, Fault>(get::<Option<i64>>(row, at)?.map(|ms| ms as u64));
    let mut record = BatchRecord::new(get::<&str>(row, 1)?);
    record.state = BatchState::from_figure(get(row, 0)?);
    record.tries = get(row, 2)?;
    record.claim = get(row, 3)?;
    record.owner = get(row, 4)?;
    record.sent_ms = ms(5)?;
    record.ended_ms = ms(6)?;
    record.confirmed = get(row, 7)?;
    record.signed = signed(row, 8)?;
    record.from_reply = get(row, 10)?;
    record.missing = get(row, 11)?;
    record.message_id = get(row, 12)?;
    record.code = get(row, 13)?;
    record.message = get(row, 14)?;
    record.resubmitted = get(row, 15)?;
    Ok(record)
}

/// Writes a batch that the caller has locked.
pub(super) async fn write(session: &Session, batch: i64, record: &BatchRecord) -> Result<()> {
    const SQL: &str = concat!(
        "UPDATE batches SET (",
        record!(),
        ") = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) WHERE id = $1"
    );
    let (owner, message_id) = (record.owner.as_deref().map(text), record.message_id.as_deref().map(text));
    let values: [Value<'_>; 17] = [
        &batch,
        &record.state.figure(),
        &record.batch_no,
        &record.tries,
        &record.claim,
        &owner,
        &record.sent_ms.map(big),
        &record.ended_ms.map(big),
        &record.confirmed,
        &record.signed.map(|signed| big(signed.first_ms)),
        &record.signed.map(|signed| big(signed.last_ms)),
        &record.from_reply,
        &record.missing,
        &message_id,
        &record.code,
        &record.message.as_deref().map(text),
        &record.resubmitted,
    ];
    session.run(SQL, &values).await?;
    Ok(())
}

/// The state of a locked batch's job, read after the lock was had.
pub(super) async fn job_state(session: &Session, batch: i64) -> Result<JobState> {
    let sql = "SELECT j.state FROM batches b JOIN jobs j ON j.id = b.job WHERE b.id = $1";
    let row = session.row(sql, &[&batch]).await?.ok_or_else(|| Fault::damaged("a batch has no job"))?;
    Ok(JobState::from_figure(get(&row, 0)?))
}

/// The `batchNo` that a result of a locked batch names, if it has one.
async fn proof(session: &Session, batch: i64) -> Result<Option<String>> {
    let sql = "SELECT r.batch_no FROM numbers n JOIN results r ON r.id = n.result WHERE n.batch = $1 AND n.via IS NULL LIMIT 1";
    session.row(sql, &[&batch]).await?.map(|row| get_text(&row, 0)).transpose()
}

/// Plans a part of a batch that surely was never accepted as a batch of its own.
async fn cut(session: &Session, job: i64, batch: i64, group: &str, rest: &[Wanted]) -> Result<()> {
    let to = insert_further(session, job, group, rest.len() as i64).await?;
    let packed: Vec<i64> = rest.iter().map(|wanted| wanted.packed).collect();
    move_rows(session, batch, to, &packed).await
}

/// Moves rows of a batch into another one.
pub(super) async fn move_rows(session: &Session, batch: i64, to: i64, packed: &[i64]) -> Result<()> {
    let sql = "UPDATE numbers SET batch = $2 WHERE batch = $1 AND packed = ANY ($3)";
    session.run(sql, &[&batch, &to, &packed]).await?;
    waits::leave_traces(session, &vec![batch; packed.len()], to, packed).await?;
    let count = packed.len() as i64;
    session.run("UPDATE batches SET numbers = numbers - $2 WHERE id = $1", &[&batch, &count]).await?;
    Ok(())
}

pub(super) async fn confirm(session: &Session, batch: i64, claim: i64, ts_ms: u64) -> Result<bool> {
    let Some((_, mut record)) = lock(session, batch).await? else { return Ok(false) };
    let confirmed = record.confirm(claim, ts_ms, job_state(session, batch).await?);
    if confirmed {
        write(session, batch, &record).await?;
    }
    Ok(confirmed)
}

pub(super) async fn end(
    session: &Session,
    batch: i64,
    claim: i64,
    end: &BatchEnd,
    now_ms: u64,
) -> Result<()> {
    let Some((_, mut record)) = lock(session, batch).await? else { return Ok(()) };
    let proof = if end.is_accepted() { None } else { proof(session, batch).await? };
    if record.end(claim, end.clone(), now_ms, proof.as_deref()) {
        write(session, batch, &record).await?;
    }
    Ok(())
}

pub(super) async fn give_up(session: &Session, batch: i64, claim: i64) -> Result<bool> {
    let Some((_, mut record)) = lock(session, batch).await? else { return Ok(false) };
    let given_up = record.give_up(claim, proof(session, batch).await?.as_deref());
    if given_up {
        write(session, batch, &record).await?;
    }
    Ok(given_up)
}

pub(super) async fn plan_again(session: &Session, batch: i64, claim: i64) -> Result<bool> {
    // A result that waits to be entered is the best proof that it was accepted.
    fold::fold_all(session).await?;
    let Some((_, record)) = lock(session, batch).await? else { return Ok(false) };
    if !record.may_plan_again(claim, job_state(session, batch).await?) {
        return Ok(false);
    }
    plan_under_new_name(session, batch, record).await?;
    Ok(true)
}

async fn plan_under_new_name(session: &Session, batch: i64, mut record: BatchRecord) -> Result<()> {
    let batch_no = record.plan_again().map_err(|_| no_batch_no())?;
    write(session, batch, &record).await?;
    let sql = "INSERT INTO batch_names VALUES ($1, $2)";
    session.run(sql, &[&batch_no.as_str().as_bytes(), &batch]).await?;
    Ok(())
}

/// Plans the job's own batches again that are in doubt or missing, whatever that may cost. Says how many phone numbers.
pub(super) async fn resubmit_own(session: &Session, job: i64, before_ms: u64) -> Result<u64> {
    const SQL: &str = concat!(
        "SELECT ",
        record!(),
        ", numbers - done - failed - refused, id FROM batches
        WHERE job = $1 AND state IN (2, 3) AND numbers > done + failed + refused ORDER BY id FOR UPDATE"
    );
    let mut numbers = 0;
    for row in session.rows(SQL, &[&job]).await? {
        let mut record = record(&row)?;
        if record.is_doubtful() && record.last_sent_ms() < before_ms {
            let count: i64 = get(&row, RECORD_LEN)?;
            record.resubmitted += count;
            plan_under_new_name(session, get(&row, RECORD_LEN + 1)?, record).await?;
            numbers += count.max(0) as u64;
        }
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
        batch_no: own_batch_no(row, 4)?,
        group: get(row, 5)?,
        state: BatchState::from_figure(get(row, 6)?),
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
pub(super) fn signed(row: &Row, at: usize) -> Result<Option<SignedSpan>> {
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
            batch_no: own_batch_no(row, 1)?,
            signed: signed(row, 2)?.ok_or_else(|| Fault::damaged("an accepted batch was never signed"))?,
            numbers: get_u64(row, 4)?,
            failed: get_u64(row, 5)?,
        })
    };
    rows.iter().map(control).collect()
}

pub(super) async fn mark_missing(session: &Session, batch: i64, claim: i64) -> Result<u64> {
    let Some((row, mut record)) = lock(session, batch).await? else { return Ok(0) };
    let open: i64 = get(&row, RECORD_LEN)?;
    if open <= 0 || !record.mark_missing(claim) {
        return Ok(0);
    }
    write(session, batch, &record).await?;
    Ok(open as u64)
}

pub(super) async fn sent_in_group(session: &Session, job: i64, group: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM batches WHERE job = $1 AND state IN (1, 2, 3) AND grp = $2 AND claim > 0";
    let row = session.row(sql, &[&job, &text(group)]).await?;
    Ok(row.map(|row| get_u64(&row, 0)).transpose()?.unwrap_or_default())
}

pub(super) async fn take_turn(
    session: &Session,
    bucket: &str,
    interval_ms: u64,
    now_ms: Option<u64>,
) -> Result<u64> {
    let no_turn = || Fault::damaged("a bucket gives no turn");
    let bucket = text(bucket);
    let sql = "INSERT INTO turns (name, next_ms) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    session.run(sql, &[&bucket]).await?;
    let sql = "SELECT next_ms, interval_ms FROM turns WHERE name = $1 FOR UPDATE";
    let last = session.row(sql, &[&bucket]).await?.ok_or_else(no_turn)?;
    // A store of an older release has no interval beside a turn.
    let last_interval_ms = get::<Option<i64>>(&last, 1)?.map_or(interval_ms, |ms| ms as u64);
    let last = SharedTurn { next_ms: get_u64(&last, 0)?, interval_ms: last_interval_ms };
    let now_ms = match now_ms {
        Some(now_ms) => now_ms,
        // By the server's clock, read once the bucket's row is locked.
        None => {
            let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
            get_u64(&session.row(sql, &[]).await?.ok_or_else(no_turn)?, 0)?
        }
    };
    let (turn, wait_ms) = SharedTurn::after(Some(last), interval_ms, now_ms);
    let sql = "UPDATE turns SET next_ms = $2, interval_ms = $3 WHERE name = $1";
    session.run(sql, &[&bucket, &big(turn.next_ms), &big(turn.interval_ms)]).await?;
    Ok(wait_ms)
}

fn own_batch_no(row: &Row, at: usize) -> Result<BatchNo> {
    BatchNo::new(get(row, at)?).map_err(|_| no_batch_no())
}

fn no_batch_no() -> Fault {
    Fault::damaged("a batch has a number that the platform would not take")
}
