//! Follows other jobs' sendings: takes their results over, and plans again what waits for them in vain.
//!
//! Whoever does it holds the lock of the scope, and settles.

use std::collections::BTreeMap;

use super::waits::{count_down, count_reused, leave_traces};
use super::{Row, Sql, Tx, batches, book, fold, values};
use crate::model::{BatchState, Outcome};
use crate::store::Followed;
use crate::store::reading::SharedReader;

/// How many phone numbers are planned as one batch again.
const AT_ONCE: usize = 2000;

/// A job's rows that wait for a batch.
const WAITING: &str = "SELECT n.batch, n.packed, b.grp FROM numbers n JOIN batches b ON b.id = n.batch
    WHERE n.via = $1 AND n.job = $2 AND n.result IS NULL ORDER BY n.batch, n.packed";

/// Those of them of which the batch's own row stands for another sending itself, or was moved away.
const WAITING_IN_VAIN: &str =
    "SELECT n.batch, n.packed, b.grp FROM numbers n JOIN batches b ON b.id = n.batch
    WHERE n.via = $1 AND n.job = $2 AND n.result IS NULL AND EXISTS (
        SELECT 1 FROM numbers o JOIN batches v ON v.id = o.batch JOIN jobs j ON j.id = v.job
        WHERE o.batch = n.via AND o.packed = n.packed AND (o.via IS NOT NULL OR (o.job < 0 AND j.state <> 2)))
    ORDER BY n.batch, n.packed";

pub(crate) async fn follow<T: Tx>(tx: &T, job: i64) -> Result<Followed, T::Fault> {
    match book::lock_scope_of(tx, job).await? {
        Some(_) => follow_locked(tx, job).await,
        None => Ok(Followed::default()),
    }
}

async fn follow_locked<T: Tx>(tx: &T, job: i64) -> Result<Followed, T::Fault> {
    let mut followed = Followed::default();
    // How many results each batch that is waited for had when it was looked at last, how many it has, and its state.
    let sql =
        "SELECT w.via, w.seen, b.done + b.failed + b.refused, b.state FROM waits w JOIN batches b ON b.id = w.via
        WHERE w.job = $1 ORDER BY w.via";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let waits: Vec<(i64, i64, i64, BatchState)> = tx.rows(sql, &values![job], read).await?;
    for (via, seen, settled, state) in waits {
        if settled != seen {
            followed.reused += take_over(tx, job, via).await?;
            followed.planned += plan(tx, job, via, WAITING_IN_VAIN, None).await?;
            let sql = "UPDATE waits SET seen = $3 WHERE job = $1 AND via = $2";
            tx.run(sql, &values![job, via, settled]).await?;
        }
        if matches!(state, BatchState::Planned | BatchState::Refused) {
            followed.planned += plan(tx, job, via, WAITING, None).await?;
        }
    }
    Ok(followed)
}

async fn take_over<T: Tx>(tx: &T, job: i64, via: i64) -> Result<u64, T::Fault> {
    let sql = "UPDATE numbers SET result = o.result, received_ms = o.received_ms, outcome = o.outcome FROM numbers o
        WHERE numbers.via = $1 AND numbers.job = $2 AND numbers.result IS NULL
        AND o.batch = $1 AND o.packed = numbers.packed AND o.result IS NOT NULL AND o.via IS NULL RETURNING numbers.outcome";
    let taken: Vec<Option<Outcome>> = tx.rows(sql, &values![via, job], |row| row.get(0)).await?;
    let mut reused = BTreeMap::new();
    for outcome in &taken {
        *reused.entry((job, outcome.unwrap_or(Outcome::Failed))).or_default() += 1;
    }
    count_down(tx, &BTreeMap::from([((job, via), taken.len() as i64)])).await?;
    count_reused(tx, &reused).await?;
    Ok(taken.len() as u64)
}

/// Plans rows that wait for a batch as batches of their own, and says how many. `despite`: a person has decided not to wait for it.
async fn plan<T: Tx>(
    tx: &T,
    job: i64,
    via: i64,
    waiting: &'static str,
    despite: Option<i64>,
) -> Result<u64, T::Fault> {
    let mut groups: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    let count = tx
        .rows(waiting, &values![via, job], |row| {
            groups.entry(row.get(2)?).or_default().push((row.get(0)?, row.get(1)?));
            Ok(())
        })
        .await?
        .len();
    for (group, rows) in groups {
        for rows in rows.chunks(AT_ONCE) {
            let to = batches::insert_further(tx, job, &group, rows.len()).await?;
            move_rows(tx, rows, to, despite).await?;
        }
    }
    count_down(tx, &BTreeMap::from([((job, via), count as i64)])).await?;
    Ok(count as u64)
}

/// Moves rows, each a batch and a phone number, into another batch.
async fn move_rows<T: Tx>(
    tx: &T,
    rows: &[(i64, i64)],
    to: i64,
    despite: Option<i64>,
) -> Result<(), T::Fault> {
    const MOVE: Sql = Sql {
        sqlite: "UPDATE numbers SET batch = $3, via = NULL, despite = $4 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET batch = old.moved_to, via = NULL, despite = old.despite
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS old (batch, packed, moved_to, despite)
            WHERE numbers.batch = old.batch AND numbers.packed = old.packed",
    };
    let moved: Vec<_> = rows.iter().map(|(from, number)| values![*from, *number, to, despite]).collect();
    tx.run_each(MOVE, &moved).await?;
    leave_traces(tx, rows, to).await
}

/// Plans again what the job's rows wait for and is in doubt, in whichever job's batch. Says how many phone numbers.
pub(crate) async fn resubmit<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    job: i64,
    before_ms: u64,
) -> Result<u64, T::Fault> {
    if book::lock_scope_of(tx, job).await?.is_none() {
        return Ok(0);
    }
    fold::fold_all(tx, reader).await?;
    batches::look_up_all(tx, job).await?;
    follow_locked(tx, job).await?;
    let mut numbers = batches::resubmit_own(tx, job, before_ms).await?;
    // Of a forgotten job, nobody enters a result any more.
    let sql = "SELECT w.via FROM waits w JOIN batches b ON b.id = w.via JOIN jobs j ON j.id = b.job
        WHERE w.job = $1 AND coalesce(b.sent_ms, 0) < $2 AND coalesce(b.last_ts, 0) < $2
            AND (b.state = 2 OR (b.state = 3 AND b.missing) OR j.state = 2)
        ORDER BY w.via";
    let doubtful: Vec<i64> = tx.rows(sql, &values![job, before_ms], |row| row.get(0)).await?;
    for via in doubtful {
        numbers += plan(tx, job, via, WAITING, Some(via)).await?;
    }
    Ok(numbers)
}
