//! Phone numbers of a claim that are sent one by one: marked before, and split off the claim once it is over.

use std::collections::BTreeMap;

use numcheck_protocol::PhoneNumber;

use super::fault::Fault;
use super::session::{Session, big, get, get_u64};
use super::values::number;
use super::{batches, book, fold, waits};
use crate::batch::{SplitPart, Unsettled, split};
use crate::model::{BatchEnd, JobState};
use crate::proof::SignedSpan;

type Result<T> = std::result::Result<T, Fault>;

/// Those of one claim wait for one another only until it is confirmed, at the first of them.
pub(super) async fn mark(
    session: &Session,
    batch: i64,
    claim: i64,
    number: PhoneNumber,
    ts_ms: u64,
) -> Result<bool> {
    let sql = "SELECT FROM batches WHERE id = $1 AND claim = $2 AND confirmed";
    let is_confirmed = session.row(sql, &[&batch, &claim]).await?.is_some();
    let locked = match is_confirmed {
        true => batches::lock_shared(session, batch).await?,
        false => batches::lock(session, batch).await?,
    };
    let Some((_, mut record)) = locked else { return Ok(false) };
    let was_confirmed = record.confirmed;
    if !record.confirm(claim, ts_ms, batches::job_state(session, batch).await?) {
        return Ok(false);
    }
    let sql = "UPDATE numbers SET marked_ms = $3 WHERE batch = $1 AND packed = $2 AND via IS NULL AND job > 0 AND result IS NULL
        AND marked_ms IS NULL";
    let marked = session.run(sql, &[&batch, &big(number.pack()), &big(ts_ms)]).await?;
    // How far the timestamps reach stands in the marks.
    if marked > 0 && !was_confirmed {
        batches::write(session, batch, &record).await?;
    }
    Ok(marked > 0)
}

/// A new claim of a batch marks anew.
pub(super) async fn clear_marks(session: &Session, batch: i64) -> Result<()> {
    let sql =
        "UPDATE numbers SET marked_ms = NULL WHERE batch = $1 AND marked_ms IS NOT NULL AND result IS NULL";
    session.run(sql, &[&batch]).await?;
    Ok(())
}

/// To be called in a transaction that settles.
pub(super) async fn end(
    session: &Session,
    batch: i64,
    claim: i64,
    ends: &[(PhoneNumber, BatchEnd)],
    now_ms: u64,
) -> Result<()> {
    let Some((job, scope)) = lock_scope(session, batch).await? else { return Ok(()) };
    fold::fold_all(session).await?;
    split_off(session, (job, scope), batch, claim, ends, Some(now_ms)).await.map(drop)
}

/// To be called in a transaction that settles.
pub(super) async fn give_up(session: &Session, batch: i64, claim: i64) -> Result<bool> {
    let Some((job, scope)) = lock_scope(session, batch).await? else { return Ok(false) };
    // None is marked any more once it is locked.
    if batches::lock(session, batch).await?.is_none() || marked(session, batch).await?.is_none() {
        return batches::give_up(session, batch, claim).await;
    }
    fold::fold_all(session).await?;
    split_off(session, (job, scope), batch, claim, &[], None).await
}

/// The job of a batch, and its scope, which is locked.
async fn lock_scope(session: &Session, batch: i64) -> Result<Option<(i64, i64)>> {
    let job = session.row("SELECT job FROM batches WHERE id = $1", &[&batch]).await?;
    let Some(job) = job.map(|row| get::<i64>(&row, 0)).transpose()? else { return Ok(None) };
    Ok(book::lock_scope_of(session, job).await?.map(|scope| (job, scope)))
}

/// With which timestamps phone numbers of a batch are marked.
async fn marked(session: &Session, batch: i64) -> Result<Option<SignedSpan>> {
    let sql = "SELECT min(marked_ms), max(marked_ms) FROM numbers WHERE batch = $1";
    let row = session.row(sql, &[&batch]).await?;
    row.map_or(Ok(None), |row| batches::signed(&row, 0))
}

/// `now_ms`: `None` where nobody says how it ended; it was under way until its last mark.
async fn split_off(
    session: &Session,
    (job, scope): (i64, i64),
    batch: i64,
    claim: i64,
    ends: &[(PhoneNumber, BatchEnd)],
    now_ms: Option<u64>,
) -> Result<bool> {
    let Some((_, mut record)) = batches::lock(session, batch).await? else { return Ok(false) };
    if batches::job_state(session, batch).await? == JobState::Forgotten {
        // Its rows are gone, but for those to which other jobs refer: for them it is in doubt.
        return batches::give_up(session, batch, claim).await;
    }
    let marked = marked(session, batch).await?;
    let now_ms = now_ms.or(marked.map(|marked| marked.last_ms)).unwrap_or_default();
    let sql = "SELECT grp, done + failed + refused FROM batches WHERE id = $1";
    let Some(row) = session.row(sql, &[&batch]).await? else { return Ok(false) };
    let parts = split(&unsettled(session, batch).await?, ends);
    let Some(parts) = record.end_each(claim, parts, get_u64(&row, 1)?, marked, now_ms) else {
        return Ok(false);
    };
    batches::write(session, batch, &record).await?;
    let group: String = get(&row, 0)?;
    for part in &parts {
        let to = batches::insert_further(session, job, &group, part.numbers.len() as i64).await?;
        let Some((_, planned)) = batches::lock(session, to).await? else { continue };
        let claim = if part.is_sent() { batches::next_claim(session).await? } else { 0 };
        batches::write(session, to, &part.record(planned.batch_no, &record, claim, now_ms)).await?;
        move_part(session, scope, batch, to, part).await?;
    }
    if !parts.is_empty() {
        waits::release(session, batch).await?;
    }
    Ok(true)
}

async fn unsettled(session: &Session, batch: i64) -> Result<Vec<Unsettled>> {
    let sql = "SELECT packed, marked_ms FROM numbers WHERE batch = $1 AND result IS NULL AND via IS NULL AND job > 0 ORDER BY packed";
    let unsettled = |row| {
        let marked_ms = get::<Option<i64>>(row, 1)?.map(|ms| ms as u64);
        Ok(Unsettled { number: number(row, 0)?, marked_ms })
    };
    session.rows(sql, &[&batch]).await?.iter().map(unsettled).collect()
}

/// Moves a part into a batch of its own. Where it may have been sent, that is its phone numbers' newest sending.
async fn move_part(session: &Session, scope: i64, from: i64, to: i64, part: &SplitPart) -> Result<()> {
    let packed: Vec<i64> = part.numbers.iter().map(|number| big(number.pack())).collect();
    batches::move_rows(session, from, to, &packed).await?;
    if part.is_sent() {
        let wanted: Vec<_> = book::newest(session, scope, &packed).await?;
        let newest: BTreeMap<usize, i64> = wanted.into_iter().collect();
        let wanted = packed
            .iter()
            .enumerate()
            .map(|(at, packed)| book::Wanted::sent(*packed, newest.get(&at).copied()));
        book::enter_claim(session, to, scope, &wanted.collect::<Vec<_>>(), false).await?;
    }
    Ok(())
}
