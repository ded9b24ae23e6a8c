//! Batches: planned, claimed, sent, ended.
//!
//! A batch is read under its lock, changed by [`BatchRecord`], and written in the same transaction, so that two processes cannot both change
//! it.

use std::collections::BTreeSet;

use numcheck_protocol::{BatchNo, PhoneNumber};

use super::book::{self, Elsewhere, Wanted};
use super::{GivenUp, Row, Sql, Tx, each, fold, jobs, values, waits};
use crate::batch::{BatchRecord, batch_no, span};
use crate::model::{BatchEnd, BatchState, JobName, JobState, Scope};
use crate::proof::SignedSpan;
use crate::store::reading::SharedReader;
use crate::store::{BatchCounts, Claimed, Control, NewBatch, NextBatch, OpenBatch, Skip};

/// How many batches one transaction looks up at most.
const LOOKED_UP: u32 = 16;

const NO_JOB: GivenUp = GivenUp::Damaged("a batch has no job");
const NO_KEY: GivenUp = GivenUp::Damaged("a batch or a claim has no key");
const NO_BATCH_NO: GivenUp = GivenUp::Damaged("a batch has a batchNo that the platform would not take");

pub(crate) async fn add<T: Tx>(tx: &T, job: i64, batches: &[NewBatch]) -> Result<(), T::Fault> {
    let sql = "UPDATE jobs SET batch_count = batch_count + $2 WHERE id = $1 AND state = 0";
    if tx.run(sql, &values![job, batches.len()]).await? == 0 {
        return Err(GivenUp::Superseded.into());
    }
    // Keys are given in the order of the call, which is the order in which batches are sent.
    const MAKE: Sql = Sql {
        sqlite: "INSERT INTO batches (job, batch_no, grp, numbers) VALUES ($1, $2, $3, $4) RETURNING id",
        postgres: "INSERT INTO batches (job, batch_no, grp, numbers) SELECT new.job, new.batch_no, new.grp, new.numbers
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS new (job, batch_no, grp, numbers, at)
            ORDER BY new.at RETURNING id",
    };
    let made = batches.iter().map(|batch| values![job, &batch.batch_no, &batch.group, batch.numbers.len()]);
    let mut ids: Vec<i64> = tx.rows_each(MAKE, &made.collect::<Vec<_>>(), |row| row.get(0)).await?;
    ids.sort_unstable();
    const NAME: Sql = Sql {
        sqlite: "INSERT INTO batch_names VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING batch",
        postgres: "INSERT INTO batch_names SELECT * FROM unnest($1::bytea[], $2::bigint[]) ON CONFLICT DO NOTHING RETURNING batch",
    };
    let names: Vec<_> = batches.iter().zip(&ids).map(|(batch, id)| values![&batch.batch_no, *id]).collect();
    let named: BTreeSet<i64> = tx.rows_each(NAME, &names, |row| row.get(0)).await?.into_iter().collect();
    if let Some((batch, _)) = batches.iter().zip(&ids).find(|(_, id)| !named.contains(id)) {
        return Err(GivenUp::BatchNoTaken(batch.batch_no.as_str().to_owned()).into());
    }
    let numbers = batches
        .iter()
        .zip(&ids)
        .flat_map(|(batch, id)| batch.numbers.iter().map(|(number, row)| (*id, number.pack(), *row)));
    let mut numbers: Vec<(i64, u64, u64)> = numbers.collect();
    // In the order of the key, pages are filled one after the other.
    numbers.sort_unstable();
    const ROWS: Sql = Sql {
        sqlite: "INSERT INTO numbers (batch, packed, job, first_row) VALUES ($1, $2, $3, $4)",
        postgres: "INSERT INTO numbers (batch, packed, job, first_row)
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])",
    };
    let rows: Vec<_> = numbers.iter().map(|(id, number, row)| values![*id, *number, job, *row]).collect();
    tx.run_each(ROWS, &rows).await?;
    Ok(())
}

/// A further planned batch of a job whose plan is whole.
pub(crate) async fn insert_further<T: Tx>(
    tx: &T,
    job: i64,
    group: &str,
    numbers: usize,
) -> Result<i64, T::Fault> {
    let sql = "UPDATE jobs SET batch_count = batch_count + 1 WHERE id = $1 RETURNING name, batch_count";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (name, count): (JobName, u64) = tx.row(sql, &values![job], read).await?.ok_or(NO_JOB)?;
    let batch_no = batch_no(&name, count).map_err(|_| NO_BATCH_NO)?;
    let sql = "INSERT INTO batches (job, batch_no, grp, numbers) VALUES ($1, $2, $3, $4) RETURNING id";
    let id = tx.row(sql, &values![job, &batch_no, group, numbers], |row| row.get(0)).await?.ok_or(NO_KEY)?;
    name_batch(tx, id, &batch_no).await?;
    Ok(id)
}

async fn name_batch<T: Tx>(tx: &T, batch: i64, batch_no: &BatchNo) -> Result<(), T::Fault> {
    match add_name(tx, batch, batch_no.as_str()).await? {
        true => Ok(()),
        false => Err(GivenUp::BatchNoTaken(batch_no.as_str().to_owned()).into()),
    }
}

/// Whether nothing else had the name.
async fn add_name<T: Tx>(tx: &T, batch: i64, name: &str) -> Result<bool, T::Fault> {
    let sql = "INSERT INTO batch_names VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.run(sql, &values![name, batch]).await? > 0)
}

pub(crate) async fn next<T: Tx>(tx: &T, job: i64, skip: &Skip) -> Result<Option<NextBatch>, T::Fault> {
    if book::lock_scope_of(tx, job).await?.is_none() {
        return Ok(None);
    }
    let Some(of_job) = book::policy_of_open(tx, job).await? else { return Ok(None) };
    const PLANNED: Sql = Sql {
        sqlite: "SELECT id, grp, tries > 0 FROM batches WHERE job = $1 AND state = 0
            AND grp NOT IN (SELECT value FROM json_each($2)) AND id NOT IN (SELECT value FROM json_each($3)) ORDER BY id LIMIT $4",
        postgres: "SELECT id, grp, tries > 0 FROM batches
            WHERE job = $1 AND state = 0 AND grp <> ALL ($2) AND id <> ALL ($3) ORDER BY id LIMIT $4",
    };
    let read = |row: &Row<'_>| {
        Ok(NextBatch { batch: row.get(0)?, group: row.get(1)?, numbers: 0, indivisible: row.get(2)? })
    };
    let (mut last, mut elsewhere) = (None, Elsewhere::default());
    for mut planned in
        tx.rows(PLANNED, &values![job, &skip.groups[..], &skip.batches, LOOKED_UP], read).await?
    {
        let Some(wanted) = look_up_planned(tx, planned.batch, &of_job, &mut elsewhere).await? else {
            continue;
        };
        planned.numbers = wanted;
        last = Some(planned);
        if wanted > 0 {
            break;
        }
    }
    elsewhere.write(tx, job).await?;
    Ok(last)
}

/// Looks the book up for all planned batches of a job whose scope is locked.
pub(crate) async fn look_up_all<T: Tx>(tx: &T, job: i64) -> Result<(), T::Fault> {
    let Some(of_job) = book::policy_of_open(tx, job).await? else { return Ok(()) };
    let mut elsewhere = Elsewhere::default();
    let sql = "SELECT id FROM batches WHERE job = $1 AND state = 0 ORDER BY id";
    for batch in tx.rows(sql, &values![job], |row| row.get(0)).await? {
        look_up_planned(tx, batch, &of_job, &mut elsewhere).await?;
    }
    elsewhere.write(tx, job).await
}

/// How many phone numbers of a planned batch are to be sent. `None` where a result has proved meanwhile that it was accepted.
async fn look_up_planned<T: Tx>(
    tx: &T,
    batch: i64,
    of_job: &book::OfJob,
    elsewhere: &mut Elsewhere,
) -> Result<Option<u64>, T::Fault> {
    let sql = "SELECT 1 FROM batches WHERE id = $1 AND state = 0 FOR UPDATE";
    if !tx.has(sql, &values![batch]).await? {
        return Ok(None);
    }
    let wanted = book::look_up_batch(tx, batch, of_job, elsewhere).await?;
    if wanted.is_empty() {
        nothing_to_send(tx, batch).await?;
    }
    Ok(Some(wanted.len() as u64))
}

/// A planned batch of which everything has a result or waits for one.
async fn nothing_to_send<T: Tx>(tx: &T, batch: i64) -> Result<(), T::Fault> {
    tx.run("UPDATE batches SET state = 3 WHERE id = $1 AND state = 0", &values![batch]).await?;
    Ok(())
}

pub(crate) async fn claim<T: Tx>(
    tx: &T,
    batch: i64,
    owner: &str,
    limit: u64,
    now_ms: u64,
) -> Result<Option<Claimed>, T::Fault> {
    if let Some(made_ms) = jobs::copied(tx).await? {
        return Err(GivenUp::Copy(made_ms).into());
    }
    let job = tx.row("SELECT job FROM batches WHERE id = $1", &values![batch], |row| row.get(0)).await?;
    let Some(job) = job else { return Ok(None) };
    if book::lock_scope_of(tx, job).await?.is_none() {
        return Ok(None);
    }
    let Some(of_job) = book::policy_of_open(tx, job).await? else { return Ok(None) };
    let Some(Locked { mut record, group, .. }) = lock(tx, batch).await? else { return Ok(None) };
    if record.state != BatchState::Planned {
        return Ok(None);
    }
    let mut elsewhere = Elsewhere::default();
    let mut wanted = book::look_up_batch(tx, batch, &of_job, &mut elsewhere).await?;
    wanted.sort_unstable_by_key(|wanted| wanted.first_row);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Late results of an earlier sending must still find their phone numbers here.
    let is_cut = wanted.len() > limit && record.tries > 0;
    if wanted.is_empty() {
        nothing_to_send(tx, batch).await?;
    }
    if wanted.is_empty() || limit == 0 || is_cut {
        elsewhere.write(tx, job).await?;
        return Ok(None);
    }
    let rest = wanted.split_off(limit.min(wanted.len()));
    if !rest.is_empty() {
        cut(tx, job, batch, &group, &rest).await?;
    }
    let unpack = |wanted: &Wanted| PhoneNumber::unpack(wanted.number as u64);
    let numbers: Option<Vec<PhoneNumber>> = wanted.iter().map(unpack).collect();
    let numbers = numbers.ok_or(GivenUp::Damaged("a batch holds what is no phone number"))?;
    let claim = next_claim(tx).await?;
    let was_claimed = record.claim > 0;
    record.claim(claim, owner, now_ms);
    write(tx, batch, &record).await?;
    each::clear_marks(tx, batch).await?;
    book::enter_claim(tx, batch, of_job.scope, wanted, was_claimed).await?;
    elsewhere.write(tx, job).await?;
    let batch_no = BatchNo::new(&record.batch_no).map_err(|_| NO_BATCH_NO)?;
    Ok(Some(Claimed { batch, claim, batch_no, group, numbers }))
}

/// A key that no claim had before.
pub(crate) async fn next_claim<T: Tx>(tx: &T) -> Result<i64, T::Fault> {
    const CLAIM: Sql = Sql {
        sqlite: "INSERT INTO marks VALUES ('claims', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        postgres: "SELECT nextval('claims')",
    };
    Ok(tx.row(CLAIM, &[], |row| row.get(0)).await?.ok_or(NO_KEY)?)
}

/// A statement with the columns of a [`BatchRecord`] in it, in the order in which [`record`] and [`write`] have them.
macro_rules! of_record {
    ($before:literal, $behind:literal) => {
        Sql { sqlite: of_record!($before, "owner", $behind), postgres: of_record!($before, "claimed_by", $behind) }
    };
    ($before:literal, $owner:literal, $behind:literal) => {
        concat!(
            $before,
            "state, batch_no, tries, claim, ",
            $owner,
            ", sent_ms, ended_ms, confirmed, first_ts, last_ts, from_reply, missing, message_id, code, message, resubmitted",
            $behind
        )
    };
}

/// A batch that is locked until the transaction ends.
pub(crate) struct Locked {
    id: i64,
    pub(crate) record: BatchRecord,
    pub(crate) group: String,
    /// How many phone numbers have no result.
    open: i64,
    /// How many have one.
    pub(crate) settled: u64,
}

pub(crate) async fn lock<T: Tx>(tx: &T, batch: i64) -> Result<Option<Locked>, T::Fault> {
    const LOCK: Sql = of_record!(
        "SELECT ",
        ", id, grp, numbers - done - failed - refused, done + failed + refused FROM batches WHERE id = $1 FOR UPDATE"
    );
    tx.row(LOCK, &values![batch], locked).await
}

/// Locks a batch against changes until the transaction ends, beside others that do the same.
pub(crate) async fn lock_shared<T: Tx>(tx: &T, batch: i64) -> Result<Option<Locked>, T::Fault> {
    const LOCK: Sql = of_record!(
        "SELECT ",
        ", id, grp, numbers - done - failed - refused, done + failed + refused FROM batches WHERE id = $1 FOR SHARE"
    );
    tx.row(LOCK, &values![batch], locked).await
}

fn locked(row: &Row<'_>) -> Result<Locked, GivenUp> {
    Ok(Locked {
        record: record(row)?,
        id: row.get(16)?,
        group: row.get(17)?,
        open: row.get(18)?,
        settled: row.get(19)?,
    })
}

fn record(row: &Row<'_>) -> Result<BatchRecord, GivenUp> {
    let mut record = BatchRecord::new(row.get::<&str>(1)?);
    record.state = row.get(0)?;
    record.tries = row.get(2)?;
    record.claim = row.get(3)?;
    record.owner = row.get(4)?;
    record.sent_ms = row.get(5)?;
    record.ended_ms = row.get(6)?;
    record.confirmed = row.get(7)?;
    record.signed = signed(row, 8)?;
    record.from_reply = row.get(10)?;
    record.missing = row.get(11)?;
    record.message_id = row.get(12)?;
    record.code = row.get(13)?;
    record.message = row.get(14)?;
    record.resubmitted = row.get(15)?;
    Ok(record)
}

/// The least and the greatest timestamp of a batch's attempts, from two columns.
pub(crate) fn signed(row: &Row<'_>, at: usize) -> Result<Option<SignedSpan>, GivenUp> {
    let span = row.get::<Option<u64>>(at)?.zip(row.get(at + 1)?);
    Ok(span.map(|(first_ms, last_ms)| SignedSpan { first_ms, last_ms }))
}

/// Writes a batch that the caller has locked.
pub(crate) async fn write<T: Tx>(tx: &T, batch: i64, record: &BatchRecord) -> Result<(), T::Fault> {
    const WRITE: Sql = of_record!(
        "UPDATE batches SET (",
        ") = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) WHERE id = $1"
    );
    let values = values![
        batch,
        record.state,
        &record.batch_no,
        record.tries,
        record.claim,
        record.owner.as_ref(),
        record.sent_ms,
        record.ended_ms,
        record.confirmed,
        record.signed.map(|signed| signed.first_ms),
        record.signed.map(|signed| signed.last_ms),
        record.from_reply,
        record.missing,
        record.message_id.as_ref(),
        record.code,
        record.message.as_ref(),
        record.resubmitted,
    ];
    tx.run(WRITE, &values).await?;
    Ok(())
}

/// The state of a locked batch's job, read after the lock was had.
pub(crate) async fn job_state<T: Tx>(tx: &T, batch: i64) -> Result<JobState, T::Fault> {
    let sql = "SELECT j.state FROM batches b JOIN jobs j ON j.id = b.job WHERE b.id = $1";
    Ok(tx.row(sql, &values![batch], |row| row.get(0)).await?.ok_or(NO_JOB)?)
}

/// The `batchNo` that a result of a locked batch names, if it has one.
async fn proof<T: Tx>(tx: &T, batch: i64) -> Result<Option<String>, T::Fault> {
    let sql = "SELECT r.batch_no FROM numbers n JOIN results r ON r.id = n.result WHERE n.batch = $1 AND n.via IS NULL LIMIT 1";
    tx.row(sql, &values![batch], |row| row.get(0)).await
}

/// Plans a part of a batch that surely was never accepted as a batch of its own.
async fn cut<T: Tx>(tx: &T, job: i64, batch: i64, group: &str, rest: &[Wanted]) -> Result<(), T::Fault> {
    let to = insert_further(tx, job, group, rest.len()).await?;
    let numbers: Vec<i64> = rest.iter().map(|wanted| wanted.number).collect();
    move_rows(tx, batch, to, &numbers).await
}

/// Moves rows of a batch into another one.
pub(crate) async fn move_rows<T: Tx>(tx: &T, batch: i64, to: i64, numbers: &[i64]) -> Result<(), T::Fault> {
    let moved: Vec<(i64, i64)> = numbers.iter().map(|number| (batch, *number)).collect();
    const MOVE: Sql = Sql {
        sqlite: "UPDATE numbers SET batch = $3 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET batch = new.moved_to
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, moved_to)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed",
    };
    let rows: Vec<_> = moved.iter().map(|(from, number)| values![*from, *number, to]).collect();
    tx.run_each(MOVE, &rows).await?;
    waits::leave_traces(tx, &moved, to).await?;
    let sql = "UPDATE batches SET numbers = numbers - $2 WHERE id = $1";
    tx.run(sql, &values![batch, numbers.len()]).await?;
    Ok(())
}

pub(crate) async fn confirm<T: Tx>(tx: &T, batch: i64, claim: i64, ts_ms: u64) -> Result<bool, T::Fault> {
    let Some(Locked { mut record, .. }) = lock(tx, batch).await? else { return Ok(false) };
    let confirmed = record.confirm(claim, ts_ms, job_state(tx, batch).await?);
    if confirmed {
        write(tx, batch, &record).await?;
    }
    Ok(confirmed)
}

pub(crate) async fn end<T: Tx>(
    tx: &T,
    batch: i64,
    claim: i64,
    end: &BatchEnd,
    now_ms: u64,
) -> Result<(), T::Fault> {
    let Some(Locked { mut record, .. }) = lock(tx, batch).await? else { return Ok(()) };
    let proof = if end.is_accepted() { None } else { proof(tx, batch).await? };
    if record.end(claim, end.clone(), now_ms, proof.as_deref()) {
        write(tx, batch, &record).await?;
        if let Some(id) = &record.message_id {
            // A push that names no batch may name the submit.
            add_name(tx, batch, id).await?;
        }
    }
    Ok(())
}

pub(crate) async fn give_up<T: Tx>(tx: &T, batch: i64, claim: i64) -> Result<bool, T::Fault> {
    let Some(Locked { mut record, .. }) = lock(tx, batch).await? else { return Ok(false) };
    let given_up = record.give_up(claim, proof(tx, batch).await?.as_deref());
    if given_up {
        write(tx, batch, &record).await?;
    }
    Ok(given_up)
}

/// To be called in a transaction that settles.
pub(crate) async fn plan_again<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    batch: i64,
    claim: i64,
) -> Result<bool, T::Fault> {
    // A result that waits to be entered is the best proof that it was accepted.
    fold::fold_all(tx, reader).await?;
    let Some(Locked { record, .. }) = lock(tx, batch).await? else { return Ok(false) };
    if !record.may_plan_again(claim, job_state(tx, batch).await?) {
        return Ok(false);
    }
    plan_under_new_name(tx, batch, record).await?;
    Ok(true)
}

async fn plan_under_new_name<T: Tx>(tx: &T, batch: i64, mut record: BatchRecord) -> Result<(), T::Fault> {
    let batch_no = record.plan_again().map_err(|_| NO_BATCH_NO)?;
    write(tx, batch, &record).await?;
    name_batch(tx, batch, &batch_no).await
}

/// Plans the job's own batches again that are in doubt or missing, whatever that may cost. Says how many phone numbers.
pub(crate) async fn resubmit_own<T: Tx>(tx: &T, job: i64, before_ms: u64) -> Result<u64, T::Fault> {
    const OPEN: Sql = of_record!(
        "SELECT ",
        ", id, grp, numbers - done - failed - refused, done + failed + refused FROM batches
        WHERE job = $1 AND state IN (2, 3) AND numbers > done + failed + refused ORDER BY id FOR UPDATE"
    );
    let mut numbers = 0;
    for Locked { id, mut record, open, .. } in tx.rows(OPEN, &values![job], locked).await? {
        if record.is_doubtful() && record.last_sent_ms() < before_ms {
            record.resubmitted += open;
            plan_under_new_name(tx, id, record).await?;
            numbers += open.max(0) as u64;
        }
    }
    Ok(numbers)
}

macro_rules! open_batches {
    ($owner:literal) => {
        concat!(
            "WITH wanted AS (
                SELECT id FROM batches WHERE job = $1 AND state IN (1, 2, 3) AND (SELECT state FROM jobs WHERE id = $1) IN (1, 3)
                UNION SELECT via FROM waits WHERE job = $1 AND waiting > 0
            )
            SELECT b.id, b.job, b.claim, coalesce(",
            $owner,
            ", ''), b.batch_no, b.grp, b.state, coalesce(b.sent_ms, 0), b.first_ts, b.last_ts,
                b.from_reply, b.numbers, b.done + b.failed + b.refused, b.missing, b.message,
                CASE b.state WHEN 1 THEN (SELECT max(n.marked_ms) FROM numbers n WHERE n.batch = b.id) END
            FROM wanted JOIN batches b ON b.id = wanted.id
            WHERE b.state IN (1, 2, 3) AND b.done + b.failed + b.refused < b.numbers ORDER BY b.id"
        )
    };
}

pub(crate) async fn open<T: Tx>(tx: &T, job: i64) -> Result<Vec<OpenBatch>, T::Fault> {
    const OPEN: Sql = Sql { sqlite: open_batches!("b.owner"), postgres: open_batches!("b.claimed_by") };
    tx.rows(OPEN, &values![job], |row| {
        Ok(OpenBatch {
            batch: row.get(0)?,
            job: row.get(1)?,
            claim: row.get(2)?,
            owner: row.get(3)?,
            batch_no: row.get(4)?,
            group: row.get(5)?,
            state: row.get(6)?,
            sent_ms: row.get(7)?,
            signed: span(signed(row, 8)?, row.get(15)?),
            from_reply: row.get(10)?,
            numbers: row.get(11)?,
            settled: row.get(12)?,
            missing: row.get(13)?,
            message: row.get(14)?,
        })
    })
    .await
}

macro_rules! counts {
    ($these:literal) => {
        concat!(
            "SELECT id, job, claim, batch_no, state, missing, numbers, done + failed + refused, failed FROM batches
             WHERE claim > $1 OR ",
            $these
        )
    };
}

pub(crate) async fn counts<T: Tx>(
    tx: &T,
    after_claim: i64,
    batches: &[i64],
) -> Result<Vec<BatchCounts>, T::Fault> {
    const COUNTS: Sql = Sql {
        sqlite: counts!("id IN (SELECT value FROM json_each($2))"),
        postgres: counts!("id = ANY ($2)"),
    };
    let read = |row: &Row<'_>| {
        Ok(BatchCounts {
            batch: row.get(0)?,
            job: row.get(1)?,
            claim: row.get(2)?,
            batch_no: row.get(3)?,
            state: row.get(4)?,
            missing: row.get(5)?,
            numbers: row.get(6)?,
            settled: row.get(7)?,
            failed: row.get(8)?,
        })
    };
    tx.rows(COUNTS, &values![after_claim, batches], read).await
}

pub(crate) async fn controls<T: Tx>(
    tx: &T,
    scope: &Scope,
    after_ms: u64,
    most: u32,
) -> Result<Vec<Control>, T::Fault> {
    let Some(scope) = book::find_scope(tx, scope).await? else { return Ok(Vec::new()) };
    const CONTROLS: Sql = Sql {
        sqlite: "SELECT b.id, b.batch_no, b.first_ts, b.last_ts, b.numbers - b.refused, b.failed FROM batches b JOIN jobs j ON j.id = b.job
            WHERE j.scope = $1 AND b.state = 3 AND b.first_ts > $2 AND b.tries = 0 AND b.numbers > b.refused
            ORDER BY b.failed = 0, b.numbers, b.id LIMIT $3",
        postgres: "SELECT b.id, b.batch_no, b.first_ts, b.last_ts, b.numbers - b.refused, b.failed FROM jobs j CROSS JOIN LATERAL (
                SELECT * FROM batches WHERE job = j.id AND state = 3 AND first_ts > $2 AND tries = 0 AND numbers > refused
                ORDER BY failed = 0, numbers, id LIMIT $3
            ) AS b WHERE j.scope = $1 ORDER BY b.failed = 0, b.numbers, b.id LIMIT $3",
    };
    tx.rows(CONTROLS, &values![scope, after_ms, most], |row| {
        Ok(Control {
            batch: row.get(0)?,
            batch_no: row.get(1)?,
            signed: signed(row, 2)?.ok_or(GivenUp::Damaged("an accepted batch was never signed"))?,
            numbers: row.get(4)?,
            failed: row.get(5)?,
        })
    })
    .await
}

pub(crate) async fn mark_missing<T: Tx>(tx: &T, batch: i64, claim: i64) -> Result<u64, T::Fault> {
    let Some(Locked { mut record, open, .. }) = lock(tx, batch).await? else { return Ok(0) };
    if open <= 0 || !record.mark_missing(claim) {
        return Ok(0);
    }
    write(tx, batch, &record).await?;
    Ok(open as u64)
}

pub(crate) async fn sent_in_group<T: Tx>(tx: &T, job: i64, group: &str) -> Result<u64, T::Fault> {
    let sql = "SELECT count(*) FROM batches WHERE job = $1 AND state IN (1, 2, 3) AND grp = $2 AND claim > 0";
    Ok(tx.row(sql, &values![job, group], |row| row.count(0)).await?.unwrap_or_default())
}
