//! Phone numbers of a claim that are sent one by one: marked before, and split off the claim once it is over.

use std::collections::BTreeMap;

use numcheck_protocol::PhoneNumber;

use super::batches::{self, Locked};
use super::{Sql, Tx, book, fold, values, waits};
use crate::batch::{SplitPart, Unsettled, split};
use crate::fold::BatchPlace;
use crate::model::{BatchEnd, JobState};
use crate::proof::SignedSpan;
use crate::store::reading::SharedReader;

/// A phone number that is about to be sent.
pub(crate) struct Mark {
    pub(crate) batch: i64,
    pub(crate) claim: i64,
    pub(crate) number: PhoneNumber,
    pub(crate) ts_ms: u64,
}

/// Those of one claim wait for one another only until it is confirmed, at the first of them.
pub(crate) async fn mark<T: Tx>(tx: &T, mark: &Mark) -> Result<bool, T::Fault> {
    let Mark { batch, claim, number, ts_ms } = *mark;
    let sql = "SELECT 1 FROM batches WHERE id = $1 AND claim = $2 AND confirmed";
    let locked = match tx.has(sql, &values![batch, claim]).await? {
        true => batches::lock_shared(tx, batch).await?,
        false => batches::lock(tx, batch).await?,
    };
    let Some(Locked { mut record, .. }) = locked else { return Ok(false) };
    let was_confirmed = record.confirmed;
    if !record.confirm(claim, ts_ms, batches::job_state(tx, batch).await?) {
        return Ok(false);
    }
    let sql = "UPDATE numbers SET marked_ms = $3 WHERE batch = $1 AND packed = $2 AND via IS NULL AND job > 0 AND result IS NULL
        AND marked_ms IS NULL";
    let marked = tx.run(sql, &values![batch, number, ts_ms]).await? > 0;
    // How far the timestamps reach stands in the marks.
    if marked && !was_confirmed {
        batches::write(tx, batch, &record).await?;
    }
    Ok(marked)
}

/// A new claim of a batch marks anew.
pub(crate) async fn clear_marks<T: Tx>(tx: &T, batch: i64) -> Result<(), T::Fault> {
    let sql =
        "UPDATE numbers SET marked_ms = NULL WHERE batch = $1 AND marked_ms IS NOT NULL AND result IS NULL";
    tx.run(sql, &values![batch]).await?;
    Ok(())
}

/// Keeps when phone numbers of a job that is about to be forgotten were sent last, each by itself: their marks go with them.
pub(crate) async fn keep_last_mark<T: Tx>(tx: &T, job: i64) -> Result<(), T::Fault> {
    let sql = "UPDATE batches SET last_ts = coalesce(
            (SELECT max(n.marked_ms) FROM numbers n WHERE n.batch = batches.id AND n.marked_ms > batches.last_ts), last_ts)
        WHERE job = $1 AND state = 1";
    tx.run(sql, &values![job]).await?;
    Ok(())
}

/// To be called in a transaction that settles.
pub(crate) async fn end<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    batch: i64,
    claim: i64,
    ends: &[(PhoneNumber, BatchEnd)],
    now_ms: u64,
) -> Result<(), T::Fault> {
    let Some((job, scope)) = lock_scope(tx, batch).await? else { return Ok(()) };
    fold::fold_all(tx, reader).await?;
    split_off(tx, (job, scope), batch, claim, ends, Some(now_ms)).await.map(drop)
}

/// To be called in a transaction that settles.
pub(crate) async fn give_up<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    batch: i64,
    claim: i64,
) -> Result<bool, T::Fault> {
    let Some((job, scope)) = lock_scope(tx, batch).await? else { return Ok(false) };
    // None is marked any more once it is locked.
    if batches::lock(tx, batch).await?.is_none() || marked(tx, batch).await?.is_none() {
        return batches::give_up(tx, batch, claim).await;
    }
    fold::fold_all(tx, reader).await?;
    split_off(tx, (job, scope), batch, claim, &[], None).await
}

/// The job of a batch, and its scope, which is locked.
async fn lock_scope<T: Tx>(tx: &T, batch: i64) -> Result<Option<(i64, i64)>, T::Fault> {
    let job = tx.row("SELECT job FROM batches WHERE id = $1", &values![batch], |row| row.get(0)).await?;
    let Some(job) = job else { return Ok(None) };
    Ok(book::lock_scope_of(tx, job).await?.map(|scope| (job, scope)))
}

/// With which timestamps phone numbers of a batch are marked.
async fn marked<T: Tx>(tx: &T, batch: i64) -> Result<Option<SignedSpan>, T::Fault> {
    let sql = "SELECT min(marked_ms), max(marked_ms) FROM numbers WHERE batch = $1";
    Ok(tx.row(sql, &values![batch], |row| batches::signed(row, 0)).await?.flatten())
}

/// `now_ms`: `None` where nobody says how it ended; it was under way until its last mark.
async fn split_off<T: Tx>(
    tx: &T,
    (job, scope): (i64, i64),
    batch: i64,
    claim: i64,
    ends: &[(PhoneNumber, BatchEnd)],
    now_ms: Option<u64>,
) -> Result<bool, T::Fault> {
    let Some(Locked { mut record, group, settled, .. }) = batches::lock(tx, batch).await? else {
        return Ok(false);
    };
    if batches::job_state(tx, batch).await? == JobState::Forgotten {
        // Its rows are gone, but for those to which other jobs refer: for them it is in doubt.
        return batches::give_up(tx, batch, claim).await;
    }
    let marked = marked(tx, batch).await?;
    let now_ms = now_ms.or(marked.map(|marked| marked.last_ms)).unwrap_or_default();
    let parts = split(&unsettled(tx, batch).await?, ends);
    let Some(parts) = record.end_each(claim, parts, settled, marked, now_ms) else { return Ok(false) };
    batches::write(tx, batch, &record).await?;
    for part in &parts {
        let to = batches::insert_further(tx, job, &group, part.numbers.len()).await?;
        let Some(Locked { record: planned, .. }) = batches::lock(tx, to).await? else { continue };
        let claim = if part.is_sent() { batches::next_claim(tx).await? } else { 0 };
        batches::write(tx, to, &part.record(planned.batch_no, &record, claim, now_ms)).await?;
        move_part(tx, scope, batch, to, part).await?;
    }
    if !parts.is_empty() {
        waits::release(tx, batch).await?;
    }
    Ok(true)
}

async fn unsettled<T: Tx>(tx: &T, batch: i64) -> Result<Vec<Unsettled>, T::Fault> {
    let sql = "SELECT packed, marked_ms FROM numbers WHERE batch = $1 AND result IS NULL AND via IS NULL AND job > 0 ORDER BY packed";
    tx.rows(sql, &values![batch], |row| Ok(Unsettled { number: row.get(0)?, marked_ms: row.get(1)? })).await
}

/// Moves a part into a batch of its own. Where it may have been sent, that is its phone numbers' newest sending.
async fn move_part<T: Tx>(tx: &T, scope: i64, from: i64, to: i64, part: &SplitPart) -> Result<(), T::Fault> {
    let numbers: Vec<i64> = part.numbers.iter().map(|number| number.pack() as i64).collect();
    batches::move_rows(tx, from, to, &numbers).await?;
    if part.is_sent() {
        let newest: BTreeMap<usize, i64> = book::newest(tx, scope, &numbers).await?.into_iter().collect();
        let sent = |(at, number): (usize, &i64)| book::Wanted::sent(*number, newest.get(&at).copied());
        book::enter_claim(tx, to, scope, numbers.iter().enumerate().map(sent).collect(), false).await?;
    }
    Ok(())
}

/// Locks the scopes of batches, in the order of their keys.
pub(crate) async fn lock_scopes<T: Tx>(tx: &T, places: &[BatchPlace]) -> Result<(), T::Fault> {
    const SCOPES: Sql = Sql {
        sqlite: "SELECT DISTINCT j.scope FROM batches b JOIN jobs j ON j.id = b.job
            WHERE b.id IN (SELECT value FROM json_each($1)) ORDER BY j.scope",
        postgres: "SELECT DISTINCT j.scope FROM batches b JOIN jobs j ON j.id = b.job WHERE b.id = ANY ($1) ORDER BY j.scope",
    };
    let batches: Vec<i64> = places.iter().map(|(batch, _)| *batch).collect();
    for scope in tx.rows(SCOPES, &values![&batches], |row| row.get(0)).await? {
        tx.lock_scope(scope).await?;
    }
    Ok(())
}

/// Moves phone numbers back into the batches from which they were split off in doubt, unless they were sent again. Says whether there were any.
/// The scopes are locked.
pub(crate) async fn move_back<T: Tx>(tx: &T, moved: &[BatchPlace]) -> Result<bool, T::Fault> {
    let mut any = false;
    for (home, number) in moved {
        let sql = "SELECT n.batch FROM batches b JOIN jobs j ON j.id = b.job JOIN checks c ON c.scope = j.scope AND c.packed = $2
            JOIN numbers n ON n.batch = c.batch AND n.packed = c.packed
            WHERE b.id = $1 AND n.prior = b.id AND n.job = b.job AND n.result IS NULL AND n.via IS NULL";
        let Some(from) = tx.row(sql, &values![*home, *number], |row| row.get::<i64>(0)).await? else {
            continue;
        };
        let (Some(to), Some(part)) = (batches::lock(tx, *home).await?, batches::lock(tx, from).await?) else {
            continue;
        };
        if !part.record.was_split_off(&to.record) {
            continue;
        }
        let sql = "SELECT prior FROM numbers WHERE batch = $1 AND packed = $2";
        let prior: Option<i64> = tx.row(sql, &values![*home, *number], |row| row.get(0)).await?.flatten();
        let sql = "DELETE FROM numbers WHERE batch = $1 AND packed = $2 AND job < 0";
        tx.run(sql, &values![*home, *number]).await?;
        batches::move_rows(tx, from, *home, &[number.pack() as i64]).await?;
        let sql = "UPDATE numbers SET prior = $3 WHERE batch = $1 AND packed = $2";
        tx.run(sql, &values![*home, *number, prior]).await?;
        tx.run("UPDATE batches SET numbers = numbers + 1 WHERE id = $1", &values![*home]).await?;
        waits::release(tx, from).await?;
        any = true;
    }
    Ok(any)
}
