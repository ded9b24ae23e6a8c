//! Rows that stand for other jobs' sendings: how many wait for each, how many took a result, and what stays behind where one is moved.
//!
//! Whatever changes them holds the lock of the scope; what moves rows or takes results over settles, too.

use std::collections::BTreeMap;

use super::{Sql, Tx, values};
use crate::model::Outcome;

/// Adds rows of a job that wait, by batch: how many, and how many results the batch had when they were looked at.
pub(crate) async fn add<T: Tx>(tx: &T, job: i64, waits: &BTreeMap<i64, (i64, i64)>) -> Result<(), T::Fault> {
    const ADD: Sql = Sql {
        sqlite: "INSERT INTO waits VALUES ($1, $2, $3, $4) ON CONFLICT (job, via) DO UPDATE
            SET waiting = waiting + excluded.waiting, seen = min(seen, excluded.seen)",
        postgres: "INSERT INTO waits SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
            ON CONFLICT (job, via) DO UPDATE SET waiting = waits.waiting + excluded.waiting, seen = least(waits.seen, excluded.seen)",
    };
    let rows: Vec<_> = waits.iter().map(|(via, (count, seen))| values![job, *via, *count, *seen]).collect();
    tx.run_each(ADD, &rows).await?;
    Ok(())
}

/// Counts rows of jobs that wait for batches down.
pub(crate) async fn count_down<T: Tx>(tx: &T, counts: &BTreeMap<(i64, i64), i64>) -> Result<(), T::Fault> {
    for ((job, via), count) in counts {
        let sql = "UPDATE waits SET waiting = waiting - $3 WHERE job = $1 AND via = $2";
        tx.run(sql, &values![*job, *via, *count]).await?;
        let sql = "DELETE FROM waits WHERE job = $1 AND via = $2 AND waiting <= 0";
        tx.run(sql, &values![*job, *via]).await?;
    }
    Ok(())
}

/// Whether something that the job's rows wait for has changed. Says so without a lock.
pub(crate) async fn has_news<T: Tx>(tx: &T, job: i64) -> Result<bool, T::Fault> {
    let sql = "SELECT 1 FROM waits w JOIN batches b ON b.id = w.via
        WHERE w.job = $1 AND (w.seen <> b.done + b.failed + b.refused OR b.state IN (0, 4)) LIMIT 1";
    tx.has(sql, &values![job]).await
}

/// Who waits for this batch's sending of some phone numbers waits in vain: its own rows stand for other sendings. They are planned again when
/// the job follows next.
pub(crate) async fn release<T: Tx>(tx: &T, via: i64) -> Result<(), T::Fault> {
    let sql = "UPDATE waits SET seen = -1 WHERE via = $1 AND EXISTS (SELECT 1 FROM batches WHERE id = $1 AND claim > 0)";
    tx.run(sql, &values![via]).await?;
    Ok(())
}

/// Where rows that were moved into the batch `to` were claimed with their old one once, a trace stays behind, by which a late result and the
/// book find them. `moved` has the old batch and the phone number of each.
pub(crate) async fn leave_traces<T: Tx>(tx: &T, moved: &[(i64, i64)], to: i64) -> Result<(), T::Fault> {
    // Of no job: its batch's key, negative.
    const TRACE: Sql = Sql {
        sqlite: "INSERT INTO numbers (batch, packed, job, first_row, prior) SELECT $1, packed, -$1, first_row, prior FROM numbers
            WHERE batch = $3 AND packed = $2 AND EXISTS (SELECT 1 FROM batches WHERE id = $1 AND claim > 0)",
        postgres: "INSERT INTO numbers (batch, packed, job, first_row, prior)
            SELECT b.id, n.packed, -b.id, n.first_row, n.prior
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS old (batch, packed, moved_to)
            JOIN batches b ON b.id = old.batch AND b.claim > 0
            CROSS JOIN LATERAL (SELECT * FROM numbers WHERE batch = old.moved_to AND packed = old.packed LIMIT 1) AS n",
    };
    let moved: Vec<_> = moved.iter().map(|(from, packed)| values![*from, *packed, to]).collect();
    tx.run_each(TRACE, &moved).await?;
    Ok(())
}

/// Counts rows of jobs that take a result of the book, up or down, by how it ended.
pub(crate) async fn count_reused<T: Tx>(
    tx: &T,
    counts: &BTreeMap<(i64, Outcome), i64>,
) -> Result<(), T::Fault> {
    let mut sums: BTreeMap<i64, [i64; 3]> = BTreeMap::new();
    for ((job, outcome), count) in counts {
        let [done, failed, refused] = sums.entry(*job).or_default();
        match outcome {
            Outcome::Done => *done += count,
            Outcome::Failed | Outcome::Passing => *failed += count,
            Outcome::Refused => *refused += count,
        }
    }
    for (job, [done, failed, refused]) in sums {
        let sql = "UPDATE jobs SET reused_done = reused_done + $2, reused_failed = reused_failed + $3,
            reused_refused = reused_refused + $4 WHERE id = $1";
        tx.run(sql, &values![job, done, failed, refused]).await?;
    }
    Ok(())
}
